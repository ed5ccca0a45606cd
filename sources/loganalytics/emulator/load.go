package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// schemaFile is TABLE.json. Fields that it does not name are ignored.
type schemaFile struct {
	Table    string         `json:"table"`
	Columns  []schemaColumn `json:"columns"`
	Observed []schemaColumn `json:"observed_undocumented_columns,omitempty"`
}

type schemaColumn struct {
	Name   string        `json:"name"`
	Type   pipeline.Type `json:"type"`
	Hidden *bool         `json:"hidden,omitempty"` // left out: as the service does
}

// LoadDataset reads tables from a folder of TABLE.json and TABLE.jsonl.
//
// TABLE.json holds "table" and "columns", a list of name and KQL type, and
// perhaps "observed_undocumented_columns", more of the same. A list without
// any time column gets TimeGenerated. A column with "hidden": true appears
// only where a query names it. TABLE.jsonl holds a row a line, an object by
// columns: datetime, timespan, guid and dynamic as the service writes them,
// numbers exact, a key left out "" for string and null for all else; _ItemId
// and $ingestion if the row is to bring its own. A table without it is empty.
//
// The rows may lie in other folders than the schemas: then rowDirs names them.
// Files and folders that begin with "_" or "." are passed over, as is every
// file of another kind. An error names file, line, column and value.
func LoadDataset(dir string, rowDirs ...string) (*Dataset, error) {
	tables, err := loadSchemas(dir)
	if err != nil {
		return nil, fmt.Errorf("read dataset: %w", err)
	}
	if len(rowDirs) == 0 {
		rowDirs = []string{dir}
	}
	for _, from := range rowDirs {
		files, err := listFiles(from, ".jsonl")
		if err != nil {
			return nil, fmt.Errorf("read dataset: %w", err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
			t, ok := tables[name]
			if !ok {
				return nil, fmt.Errorf("read dataset: %s: there is no %s with its columns", file, filepath.Join(dir, name+".json"))
			}
			if err := loadRows(file, t); err != nil {
				return nil, fmt.Errorf("read dataset: %w", err)
			}
		}
	}
	d := NewDataset()
	s := &snapshot{tables: tables}
	for name := range tables {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	d.now.Store(s)
	return d, nil
}

func listFiles(dir, ext string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ext && !strings.ContainsAny(e.Name()[:1], "_.") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func loadSchemas(dir string) (map[string]*kql.Table, error) {
	files, err := listFiles(dir, ".json")
	if err != nil {
		return nil, err
	}
	tables := make(map[string]*kql.Table)
	for _, file := range files {
		t, err := loadSchema(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		tables[t.Name] = t
	}
	return tables, nil
}

func loadSchema(file string) (*kql.Table, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, withoutPath(err)
	}
	var s schemaFile
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("it is not a list of columns: %w", err)
	}
	name := strings.TrimSuffix(filepath.Base(file), ".json")
	if s.Table != "" && s.Table != name {
		return nil, fmt.Errorf("it describes table %q; rename one of them", s.Table)
	}
	var columns []kql.Column
	for _, c := range append(s.Columns, s.Observed...) {
		column := kql.Column{Name: c.Name, Type: c.Type, Hidden: hiddenColumn(c.Name)}
		if c.Hidden != nil {
			column.Hidden = *c.Hidden
		}
		columns = append(columns, column)
	}
	if len(columns) == 0 {
		return nil, errors.New(`"columns" is empty or missing`)
	}
	if timeColumn(columns) == "" && !slices.ContainsFunc(columns, named(timeGenerated)) {
		columns = append([]kql.Column{{Name: timeGenerated, Type: pipeline.Datetime}}, columns...)
	}
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	return &kql.Table{Name: name, Columns: withHidden(columns)}, nil
}

// withoutPath drops the path from an error, where the caller names it.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// loadRows reads the rows of one file into the table.
func loadRows(file string, t *kql.Table) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	add := newFiller(t)
	in := bufio.NewReaderSize(f, 1<<20)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s:%d: %w", file, line, withoutPath(err))
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			cells, err := loadRow(text, add)
			if err != nil {
				return fmt.Errorf("%s:%d: %w", file, line, err)
			}
			t.Rows = append(t.Rows, cells)
		}
		if err == io.EOF {
			return nil
		}
	}
}

func loadRow(text []byte, add *filler) ([]kql.Value, error) {
	cells := add.blank()
	var bad error // of a cell
	err := eachField(text, func(key string, raw json.RawMessage) error {
		bad = add.set(cells, key, raw)
		return bad
	})
	if err != nil && bad == nil {
		return nil, fmt.Errorf("the line is not an object of columns: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return add.finish(cells), nil
}
