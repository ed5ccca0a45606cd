//go:build !linux && !darwin && !windows

package durable

import (
	"errors"
	"os"
)

func renameNew(*os.Root, string, string) error { return errors.ErrUnsupported }
