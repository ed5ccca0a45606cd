package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// schemaFile is TABLE.json. Fields that it does not name are ignored.
type schemaFile struct {
	Table    string         `json:"table"`
	Columns  []schemaColumn `json:"columns"`
	Observed []schemaColumn `json:"observed_undocumented_columns,omitempty"`

	Plan      Plan   `json:"plan,omitempty"`
	Retention string `json:"retention,omitempty"`
	ItemID    ItemID `json:"item_id,omitempty"`
}

func (s *schemaFile) options() (TableOptions, error) {
	o := TableOptions{Plan: s.Plan, ItemID: s.ItemID}
	if s.Retention != "" {
		var err error
		if o.Retention, err = time.ParseDuration(s.Retention); err != nil {
			return o, fmt.Errorf("retention %q is not a duration such as 720h", s.Retention)
		}
	}
	return o, o.check()
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
// TABLE.json may also hold the options of the table: "plan", "retention" (such
// as "720h") and "item_id" ("absent" or "empty"). NAME.kql is a saved function:
// its body, or "(a:string) { body }" if it has parameters.
//
// The rows may lie in other folders than the schemas: then rowDirs names them.
// Files and folders that begin with "_" or "." are passed over, as is every
// file of another kind. An error names file, line, column and value.
func LoadDataset(dir string, rowDirs ...string) (*Dataset, error) {
	s, err := loadSchemas(dir)
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
			t, ok := s.tables[name]
			if !ok {
				return nil, fmt.Errorf("read dataset: %s: there is no %s with its columns", file, filepath.Join(dir, name+".json"))
			}
			if err := loadRows(file, t, s.options[name].ItemID); err != nil {
				return nil, fmt.Errorf("read dataset: %w", err)
			}
		}
	}
	d := NewDataset()
	s.names = slices.Sorted(maps.Keys(s.tables))
	d.now.Store(s)
	if err := loadFunctions(dir, d); err != nil {
		return nil, fmt.Errorf("read dataset: %w", err)
	}
	return d, nil
}

func loadFunctions(dir string, d *Dataset) error {
	files, err := listFiles(dir, ".kql")
	if err != nil {
		return err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parameters, body, err := kql.SplitFunction(string(raw))
		if err == nil {
			err = d.AddFunction(Function{strings.TrimSuffix(filepath.Base(file), ".kql"), parameters, body})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
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

func loadSchemas(dir string) (*snapshot, error) {
	files, err := listFiles(dir, ".json")
	if err != nil {
		return nil, err
	}
	s := &snapshot{tables: make(map[string]*kql.Table), options: make(map[string]TableOptions)}
	for _, file := range files {
		t, options, err := loadSchema(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		s.tables[t.Name], s.options[t.Name] = t, options
	}
	return s, nil
}

func loadSchema(file string) (*kql.Table, TableOptions, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, TableOptions{}, withoutPath(err)
	}
	var s schemaFile
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, TableOptions{}, fmt.Errorf("it is not a list of columns: %w", err)
	}
	options, err := s.options()
	if err != nil {
		return nil, TableOptions{}, err
	}
	t, err := s.build(strings.TrimSuffix(filepath.Base(file), ".json"))
	return t, options, err
}

// build makes an empty table of the file's lists.
func (s *schemaFile) build(name string) (*kql.Table, error) {
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
	if kql.TimeColumn(columns) == "" && !slices.ContainsFunc(columns, named(timeGenerated)) {
		columns = append([]kql.Column{{Name: timeGenerated, Type: pipeline.Datetime}}, columns...)
	}
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	return &kql.Table{Name: name, Columns: withHidden(columns, s.ItemID)}, nil
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
func loadRows(file string, t *kql.Table, kind ItemID) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	add := newFiller(t, kind)
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
