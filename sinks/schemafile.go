package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kustash/kustash/pipeline"
)

// Files of a text format do not say what their columns are. A file beside them
// does, once for each schema of a query: _schema.json for the first, and, since
// nothing in an archive is ever written anew, _schema-<hash>.json for one that
// came later.

// schemaFile is what such a file says.
type schemaFile struct {
	FormatVersion int             `json:"format_version"`
	Query         string          `json:"query"`
	Schema        string          `json:"schema"` // Hash of the columns, as in the metadata of files
	Format        string          `json:"format"` // as in the metadata of files
	Columns       pipeline.Schema `json:"columns"`
}

const schemaVersion = 1

// describeColumns makes sure that the columns of a file are told beside it, if
// the file itself does not.
func (s *Sink) describeColumns(ctx context.Context, f pipeline.File) error {
	if _, embeds := s.format.(Embedder); embeds {
		return nil
	}
	folder, hash := s.layout.queryFolder(f.Slice.Query), f.Columns.Hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.described[folder+hash] {
		return nil
	}
	text, err := json.MarshalIndent(schemaFile{schemaVersion, f.Slice.Query.Address, hash, metadataOf(f, s.format).Format, f.Columns}, "", "  ")
	if err != nil {
		return err
	}
	for _, name := range []string{"_schema.json", "_schema-" + hash + ".json"} {
		same, err := s.keepSchema(ctx, folder+"/"+name, hash, append(text, '\n'))
		if err != nil {
			return fmt.Errorf("write the columns: %w", err)
		}
		if same {
			break
		}
	}
	if s.described == nil {
		s.described = make(map[string]bool)
	}
	s.described[folder+hash] = true
	return nil
}

// keepSchema writes a file of columns, unless there is one already. It reports
// whether the one that is there is of these columns.
func (s *Sink) keepSchema(ctx context.Context, key, hash string, text []byte) (same bool, err error) {
	if same, err = s.hasSchema(ctx, key, hash); !errors.Is(err, pipeline.ErrMissing) {
		return same, err
	}
	o, err := s.prepareSmall(ctx, key, text)
	if err != nil {
		return false, err
	}
	defer o.Abort()
	committed := o.Commit(ctx)
	if committed == nil {
		return true, nil
	}
	same, err = s.hasSchema(ctx, key, hash)
	if errors.Is(committed, pipeline.ErrExists) || same {
		return same, err
	}
	return false, committed
}

// hasSchema reports whether a file of columns is of those with this hash. One
// that may not be read is not.
func (s *Sink) hasSchema(ctx context.Context, key, hash string) (bool, error) {
	c, err := s.store.Open(ctx, key)
	if errors.Is(err, pipeline.ErrUnreadable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		return false, err
	}
	var found schemaFile
	return json.Unmarshal(raw, &found) == nil && found.Schema == hash, nil
}

// queryFolder returns the folder that has all files of a query and no others';
// where the layout has none, one of the tool's own.
func (l Layout) queryFolder(q pipeline.Query) string {
	parts, own := l.orDefault().parts, false
	n := 0
	for ; n < len(parts) && !parts[n].names(timeNames); n++ {
		own = own || parts[n].names([]string{"query"})
	}
	folder, err := pathOf(parts[:n], q, time.Time{})
	if !own || err != nil {
		return manifestFolder + "/" + queryFolder(q.Address)
	}
	return folder
}

var timeNames = []string{"year", "month", "day", "date", "hour", fiveMinutes}

// names reports whether a folder's name holds one of the placeholders.
func (p layoutPart) names(any []string) bool {
	return slices.ContainsFunc(p, func(piece layoutPiece) bool { return slices.Contains(any, piece.name) })
}
