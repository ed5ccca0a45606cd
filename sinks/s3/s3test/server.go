// Package s3test starts an S3 server for tests: versitygw, over a folder.
package s3test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is a server with one bucket, which nobody else uses.
type Server struct {
	Endpoint   string
	Bucket     string
	KeyID, Key string
	Folder     string // of the bucket; its objects are files
}

// Start runs the program until the test ends. It skips the test if program is
// "": "make s3-test" installs and names it.
func Start(t *testing.T, program string) *Server {
	t.Helper()
	if program == "" {
		t.Skip("no S3 server: run make s3-test")
	}
	root := t.TempDir()
	s := &Server{Bucket: "archive", KeyID: "tester", Key: "a-key-for-tests-only"}
	s.Folder = filepath.Join(root, "data", s.Bucket)
	sidecar := filepath.Join(root, "metadata") // file systems of tests may have no extended attributes
	for _, folder := range []string{s.Folder, sidecar} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	s.Endpoint = "http://" + address
	server := exec.Command(program, "--port", address, "--access", s.KeyID, "--secret", s.Key, "--quiet",
		"posix", "--sidecar", sidecar, filepath.Dir(s.Folder))
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", said.Bytes())
		}
	})
	for range 300 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the S3 server does not listen")
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
