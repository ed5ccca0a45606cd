package pipeline

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow"
)

// Reader is a stub until the decoders come.
type Reader interface {
	ReadBack(ctx context.Context, r Receipt, columns Schema, emit func(arrow.Record) error) error
}
