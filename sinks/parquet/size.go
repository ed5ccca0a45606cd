package parquet

// Buffered implements sinks.Buffer: the pages of the row group, and those that
// are not full as large as they are before compression.
func (e *encoder) Buffered() int64 {
	var size int64
	for _, c := range e.file.columns {
		if c == nil {
			continue
		}
		size += c.chunk.TotalBytesWritten()
		if p, ok := c.chunk.(pager); ok {
			size += p.EstimatedBufferedValueBytes()
		}
	}
	return size
}
