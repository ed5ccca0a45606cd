package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"
)

// readFile is a source.ParquetFile that is only read.
type readFile struct{ *io.SectionReader }

var errReadOnly = errors.New("the file is only read")

func newFile(r io.ReaderAt, size int64) source.ParquetFile {
	return readFile{io.NewSectionReader(r, 0, size)}
}

// Open implements source.ParquetFile: a reader of its own for the same bytes.
func (f readFile) Open(string) (source.ParquetFile, error) {
	return newFile(f.SectionReader, f.Size()), nil
}

// Create implements source.ParquetFile.
func (f readFile) Create(string) (source.ParquetFile, error) { return nil, errReadOnly }

// Write implements io.Writer.
func (f readFile) Write([]byte) (int, error) { return 0, errReadOnly }

// Close implements io.Closer. The bytes belong to the caller.
func (f readFile) Close() error { return nil }

// readFooter reads the file's own description, after looking at what the
// library takes for granted.
func readFooter(r io.ReaderAt, size int64) (*parquet.FileMetaData, error) {
	const frame = int64(2*len(magic) + 4)
	if size < frame {
		return nil, fmt.Errorf("%d bytes are no Parquet file", size)
	}
	head, tail := make([]byte, len(magic)), make([]byte, 4+len(magic))
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil, err
	}
	if string(head) != magic || string(tail[4:]) != magic {
		return nil, errors.New("it does not begin and end as a Parquet file")
	}
	if length := int64(binary.LittleEndian.Uint32(tail)); length > size-frame {
		return nil, fmt.Errorf("a footer of %d bytes in a file of %d", length, size)
	}
	p := &reader.ParquetReader{PFile: newFile(r, size)}
	if err := p.ReadFooter(); err != nil {
		return nil, fmt.Errorf("footer: %w", err)
	}
	return p.Footer, nil
}
