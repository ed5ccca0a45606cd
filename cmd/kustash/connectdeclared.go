package main

import (
	"bytes"
	"context"
	"path"
	"strings"
	"sync"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sinks"
)

// declaredFormats returns the formats of the sinks by address. What the loader
// hands on of a sink is closed, so the pipeline, which has no mistakes, is loaded
// with an ear at the door.
func (p *process) declaredFormats(o *loadFlags) map[string]sinks.Format {
	formats := make(map[string]sinks.Format)
	kinds := p.kinds()
	build := kinds.Sink
	kinds.Sink = func(b config.SinkBlock) (config.Sink, error) {
		if f, err := newFormat(b.FormatSettings); err == nil {
			formats[b.Address] = f
		}
		return build(b)
	}
	p.loadDiags(o, kinds)
	return formats
}

// asDeclared says how files would be kept by a format, for files that only the
// network can ask. One with another extension was written before the format was
// changed, and is taken for one of the usual settings.
func asDeclared(f sinks.Format, columns func(hash string) (pipeline.Schema, bool)) stored {
	var mu sync.Mutex
	types := make(map[string]map[string]string)
	return func(_ context.Context, r pipeline.Receipt) (st sinks.Stored, err error) {
		if f == nil || !strings.HasSuffix(r.Key, "."+f.Ext()) {
			return usual(r.Key), nil
		}
		st.Format = f.Ext()
		if s, ok := f.(sinks.Settled); ok && s.Settings() != "" {
			st.Format += " " + s.Settings()
		}
		typed, ok := f.(sinks.Typed)
		if !ok {
			return st, nil
		}
		mu.Lock()
		defer mu.Unlock()
		if types[r.Schema] == nil {
			schema, _ := columns(r.Schema)
			types[r.Schema], err = typesWithoutRows(f, typed, schema)
		}
		st.Types = types[r.Schema]
		return st, err
	}
}

// typesWithoutRows returns the types of a file that a format makes of no rows.
func typesWithoutRows(f sinks.Format, typed sinks.Typed, columns pipeline.Schema) (map[string]string, error) {
	var file bytes.Buffer
	e, err := f.NewEncoder(&file, columns.Arrow())
	if err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return typed.Types(bytes.NewReader(file.Bytes()), int64(file.Len()))
}

// usual returns how a file is kept if its sink says nothing else.
func usual(key string) sinks.Stored {
	name := path.Base(key)
	_, ext, _ := strings.Cut(name[strings.LastIndexByte(name, '-')+1:], ".")
	return sinks.Stored{Format: ext}
}
