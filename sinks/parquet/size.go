package parquet

// Buffered implements sinks.Buffer: the pages of the row group, and about what
// the dictionaries take.
func (e *encoder) Buffered() int64 {
	var size int64
	for _, c := range e.file.columns {
		if c != nil {
			size += c.TotalBytesWritten()
		}
	}
	return size
}
