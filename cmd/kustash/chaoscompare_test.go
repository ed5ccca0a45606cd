package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"github.com/kustash/kustash/pipeline"
)

// difference is how an archive differs from its source.
type difference struct {
	lost    int // rows of the source that the archive lacks
	doubled int // further copies of rows of the source
	foreign int // rows that the source does not have
	first   string
}

func (d difference) none() bool { return d.lost+d.doubled+d.foreign == 0 }

// compareRows compares two multisets of rows.
func compareRows(got, want []string) (d difference) {
	left, known := make(map[string]int), make(map[string]bool)
	for _, row := range want {
		left[row]++
		known[row] = true
	}
	for _, row := range got {
		left[row]--
	}
	for row, n := range left {
		switch {
		case n > 0:
			d.lost += n
		case n < 0 && known[row]:
			d.doubled -= n
		case n < 0:
			d.foreign -= n
		}
		if text := fmt.Sprintf("%q: %+d", row, -n); n != 0 && (d.first == "" || text < d.first) {
			d.first = text
		}
	}
	return d
}

// The comparison that everything rests on sees what it is there for.
func TestCompareRows(t *testing.T) {
	want := []string{"a", "b", "b", "c"}
	for _, c := range []struct {
		name string
		got  []string
		want difference
	}{
		{"the same in another order", []string{"b", "c", "a", "b"}, difference{}},
		{"lost", []string{"a", "b", "c"}, difference{lost: 1, first: `"b": -1`}},
		{"doubled", []string{"a", "b", "b", "c", "c"}, difference{doubled: 1, first: `"c": +1`}},
		{"changed", []string{"a", "b", "b", "d"}, difference{lost: 1, foreign: 1, first: `"c": -1`}},
		{"nothing", nil, difference{lost: 4, first: `"a": -1`}},
	} {
		if got := compareRows(c.got, want); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// currentFiles are the files that the state calls current, by sink and key,
// and how many slices are done.
func currentFiles(t *testing.T, s *shell) (files map[string]bool, done int) {
	t.Helper()
	code, text := s.run("show", "-json")
	if code != exitDone {
		t.Fatalf("show: exit %d\n%s", code, text)
	}
	files = make(map[string]bool)
	for line := range strings.Lines(text) {
		var file struct{ Type, Sink, Key string }
		if err := json.Unmarshal([]byte(line), &file); err != nil {
			t.Fatalf("show: %v in %q", err, line)
		}
		if file.Type != "file" {
			continue
		}
		done++
		if file.Key != "" {
			files[chaosFolder(file.Key)+"/"+file.Key] = true
		}
	}
	return files, done
}

// chaosFolder is the folder of the sink that holds a key.
func chaosFolder(key string) string { return strings.TrimPrefix(filepath.Ext(key), ".") }

// archived returns the rows of a query in the sink of that folder. All
// data files in the folder are read, whatever the state says of them: one that
// the state does not call current must have no rows, one that it does must be
// there.
func archived(t *testing.T, s *shell, folder, query string, current map[string]bool) (rows []string) {
	t.Helper()
	root := filepath.Join(s.dir, "archive")
	seen := make(map[string]bool)
	below := folder + "/" + query + "/"
	err := filepath.WalkDir(filepath.Join(root, below), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "_") {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(rel)
		seen[key] = true
		found, err := rowsOfFile(t, path)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if len(found) > 0 && !current[key] {
			t.Errorf("%s holds %d rows and is not current", key, len(found))
		}
		rows = append(rows, found...)
		return nil
	})
	if err != nil {
		t.Errorf("%v", err)
	}
	for key := range current {
		if strings.HasPrefix(key, below) && !seen[key] {
			t.Errorf("%s is current and missing", key)
		}
	}
	return rows
}

// rowsOfFile reads a data file with readers that kustash does not write with,
// each row as the text of its cells.
func rowsOfFile(t *testing.T, path string) ([]string, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var cells [][]string
	switch filepath.Ext(path) {
	case ".parquet":
		table, err := pqarrow.ReadTable(context.Background(), f, parquet.NewReaderProperties(memory.DefaultAllocator),
			pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		defer table.Release()
		var all exported
		appendTable(t, &all, table)
		cells = all.rows
	case ".csv":
		if cells, err = csv.NewReader(f).ReadAll(); err != nil {
			return nil, err
		}
		if len(cells) == 0 {
			return nil, fmt.Errorf("it has no header")
		}
		cells = cells[1:]
	default:
		return nil, fmt.Errorf("it is in no format of the pipeline")
	}
	rows := make([]string, len(cells))
	for i, row := range cells {
		at, err := pipeline.ParseTime(row[0])
		if err != nil {
			return nil, err
		}
		rows[i] = strings.Join(slices.Concat([]string{at.Time().Format(pipeline.TimeLayout)}, row[1:]), "|")
	}
	return rows, nil
}
