package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kustash/kustash/pipeline"
)

// Verify implements pipeline.Sink. Size, SHA-256 and metadata are compared
// with the receipt; then the format reads every value back, if it can.
func (s *Sink) Verify(ctx context.Context, r pipeline.Receipt) error {
	if r.Key == "" { // a slice without rows that left no object
		return nil
	}
	if err := CheckKey(r.Key); err != nil {
		return err
	}
	if err := s.verify(ctx, r); err != nil {
		return fmt.Errorf("verify %s: %w", r.Key, err)
	}
	return nil
}

func (s *Sink) verify(ctx context.Context, r pipeline.Receipt) (err error) {
	c, err := s.store.Open(ctx, r.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := sameBytes(ctx, c, r); err != nil {
		return err
	}
	format := s.formatOf(r.Key)
	if format == nil {
		return nil
	}
	return watch(c, func(in io.ReaderAt) error { return compare(ctx, c, in, format, r) })
}

// compare looks at what is inside an object whose bytes are right.
func compare(ctx context.Context, c Content, r io.ReaderAt, format Format, receipt pipeline.Receipt) error {
	m, err := metadataFor(ctx, c, r, format, receipt)
	if err != nil {
		return err
	}
	checker, ok := format.(Checker)
	if !ok {
		return nil
	}
	rows, err := checker.Check(ctx, r, c.Size(), m)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return mismatch("%v", err)
	case rows != receipt.Rows:
		return mismatch("%d rows were read back, the receipt has %d", rows, receipt.Rows)
	}
	return nil
}

// metadataFor returns the metadata of an object, which must be those of the
// receipt.
func metadataFor(ctx context.Context, c Content, r io.ReaderAt, format Format, receipt pipeline.Receipt) (Metadata, error) {
	m, err := findMetadata(ctx, c, r, format)
	if err != nil {
		return m, err
	}
	if d := m.differs(receipt); d != "" {
		return m, mismatch("%s", d)
	}
	return m, nil
}

func findMetadata(ctx context.Context, c Content, r io.ReaderAt, format Format) (Metadata, error) {
	if e, ok := format.(Embedder); ok {
		m, err := e.Metadata(r, c.Size())
		if err != nil {
			return m, mismatch("%v", err)
		}
		return m, nil
	}
	m, ok, err := c.Metadata(ctx)
	if err == nil && !ok {
		err = mismatch("the metadata beside it is missing")
	}
	return m, err
}

func mismatch(format string, args ...any) error {
	return fmt.Errorf("%w: %s", pipeline.ErrMismatch, fmt.Sprintf(format, args...))
}

// copyAll copies size bytes. It looks at ctx now and then.
func copyAll(ctx context.Context, w io.Writer, r io.ReaderAt, size int64) error {
	section := io.NewSectionReader(r, 0, size)
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := section.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
