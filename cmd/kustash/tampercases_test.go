package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keys are the names by which verify calls files.
func (a tampered) keys(sink string, files ...string) (keys []string) {
	a.t.Helper()
	for _, file := range files {
		key, err := filepath.Rel(filepath.Join(a.dir, sink), file)
		a.check(err)
		keys = append(keys, filepath.ToSlash(key))
	}
	return keys
}

// tamperedFiles are what can be done to an archive.
func tamperedFiles() (cases []tampering) {
	for sink := range tamperSinks {
		one := func(name, says string, do func(a tampered, file string)) tampering {
			return tampering{name + " in " + sink, func(a tampered) []string {
				file := a.files(sink)[1]
				do(a, file)
				return append(a.keys(sink, file), "sink."+sink)
			}, []string{"damaged"}, []string{says, "kustash apply -replace="}, []string{"advice"}}
		}
		cases = append(cases,
			one("a bit", "SHA-256", func(a tampered, file string) { a.flip(file) }),
			one("cut short", "bytes", func(a tampered, file string) { a.write(file, a.read(file)[:100]) }),
			one("emptied", "bytes", func(a tampered, file string) { a.write(file, nil) }),
			tampering{"gone from " + sink, func(a tampered) []string {
				file := a.files(sink)[1]
				a.remove(file)
				return a.keys(sink, file)
			}, []string{"missing"}, []string{"is gone", "kustash apply"}, []string{"apply -auto-approve"}},
			tampering{"two swapped in " + sink, func(a tampered) []string {
				files := a.files(sink)
				a.swap(files[0], files[2])
				return a.keys(sink, files[0], files[2])
			}, []string{"damaged"}, nil, []string{"advice"}},
			tampering{"a stranger in " + sink, func(a tampered) []string {
				stranger := filepath.Join(filepath.Dir(a.files(sink)[0]), "stranger"+tamperSinks[sink])
				a.write(stranger, a.read(a.files(sink)[0]))
				return a.keys(sink, stranger)
			}, []string{"unknown"}, []string{"move them out"}, nil},
		)
		if sink != "parquet" {
			cases = append(cases,
				one("no metadata", "metadata beside it is missing", func(a tampered, file string) { a.remove(metaOf(file)) }),
				one("damaged metadata", "is damaged", func(a tampered, file string) { a.write(metaOf(file), []byte("{")) }),
				one("metadata of another file", "its metadata has", func(a tampered, file string) {
					a.write(metaOf(file), a.read(metaOf(a.files(sink)[2])))
				}),
			)
		}
	}
	link := func(name string, target func(file string) string) tampering {
		return tampering{name, func(a tampered) []string {
			file := target(a.files("csv")[1])
			elsewhere := filepath.Join(a.t.TempDir(), "copy")
			a.write(elsewhere, a.read(file))
			a.remove(file)
			if err := os.Symlink(elsewhere, file); err != nil {
				a.t.Skipf("no symbolic links here: %v", err)
			}
			return a.keys("csv", a.files("csv")[1])
		}, []string{"damaged"}, []string{"no regular file"}, nil}
	}
	return append(cases,
		link("a link for a file", func(file string) string { return file }),
		link("a link for metadata", metaOf),
		tampering{"a folder is a link", func(a tampered) []string {
			folder := filepath.Dir(a.files("csv")[0])
			elsewhere := filepath.Join(a.t.TempDir(), "folder")
			a.check(os.CopyFS(elsewhere, os.DirFS(folder)))
			a.check(os.RemoveAll(folder))
			if err := os.Symlink(elsewhere, folder); err != nil {
				a.t.Skipf("no symbolic links here: %v", err)
			}
			return []string{folder}
		}, []string{"unknown", "unreadable"}, []string{"symbolic link", "mend what the message names"}, nil},
		tampering{"the marker of another", func(a tampered) []string {
			path := filepath.Join(a.dir, "csv", "_kustash", "lineage.json")
			a.write(path, []byte(`{"format_version":1,"lineage":"11111111-2222-3333-4444-555555555555"}`))
			return []string{"sink.csv", "11111111-2222-3333-4444-555555555555", "_kustash/lineage.json"}
		}, []string{"foreign"}, []string{"use the state that the archive was made with"}, nil},
		marker("the marker damaged", func(a tampered, path string) { a.write(path, []byte("{}")) }),
		marker("the marker gone", func(a tampered, path string) { a.remove(path) }),
	)
}

// marker is something done to the mark of an archive. Writing the line that
// verify tells mends it.
func marker(name string, do func(a tampered, path string)) tampering {
	return tampering{name, func(a tampered) []string {
		path := filepath.Join(a.dir, "csv", "_kustash", "lineage.json")
		line := strings.TrimSpace(string(a.read(path)))
		do(a, path)
		// In JSON the quotes of the line are escaped.
		return append([]string{"sink.csv", "_kustash/lineage.json"}, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(`{}":,`, r) })...)
	}, []string{"marker"}, []string{"the mark of this state is the line"}, nil}
}

// tamperedState are what can be done to the ledger.
func tamperedState() []tampering {
	broken := func(name, says string, do func(a tampered, segments []string) (named string)) tampering {
		return tampering{name, func(a tampered) []string {
			return []string{"ledger/" + filepath.Base(do(a, a.segments()))}
		}, []string{"ledger"}, []string{says, "restore it from a copy of the state"}, nil}
	}
	return []tampering{
		broken("the last segment dropped", "is missing", func(a tampered, all []string) string {
			a.remove(all[len(all)-1])
			return all[len(all)-1]
		}),
		broken("a segment in the middle dropped", "is missing", func(a tampered, all []string) string {
			a.remove(all[2])
			return all[2]
		}),
		broken("all segments dropped", "is missing", func(a tampered, all []string) string {
			a.remove(all...)
			return all[0]
		}),
		broken("a bit of a segment", "was changed", func(a tampered, all []string) string { return a.flip(all[2]) }),
		broken("a segment emptied", "was changed", func(a tampered, all []string) string { a.write(all[2], nil); return all[2] }),
		broken("segments swapped", "says that it is segment", func(a tampered, all []string) string {
			a.swap(all[1], all[2])
			return all[1]
		}),
		broken("an entry edited", "do not match their hash", func(a tampered, all []string) string {
			a.write(all[1], []byte(strings.Replace(string(a.read(all[1])), "Fault_CL", "Other_CL", 1)))
			return all[1]
		}),
		broken("an entry edited and hashed", "does not follow segment", func(a tampered, all []string) string {
			a.edit(all[1], "Fault_CL", "Other_CL")
			return all[1]
		}),
		broken("a header edited", "header does not match its hash", func(a tampered, all []string) string {
			a.write(all[1], []byte(strings.Replace(string(a.read(all[1])), `"tool":"`, `"tool":"x`, 1)))
			return all[1]
		}),
		broken("a header edited and hashed", "does not follow segment", func(a tampered, all []string) string {
			a.edit(all[1], `"tool":"`, `"tool":"x`)
			return all[1]
		}),
		broken("a segment added", "says that it is segment", func(a tampered, all []string) string {
			next := filepath.Join(filepath.Dir(all[0]), fmt.Sprintf("%020d.jsonl", len(all)+1))
			a.write(next, a.read(all[len(all)-1]))
			return next
		}),
		{"an older state without its lock", func(a tampered) []string {
			// As if somebody had put back an old copy.
			all := a.segments()
			a.remove(all[3:]...)
			a.remove(filepath.Join(a.dir, ".kustash", "lock.json"))
			a.check(os.RemoveAll(filepath.Join(a.dir, ".kustash", "checkpoints")))
			var named []string
			for sink := range tamperSinks {
				files := a.files(sink)
				named = append(named, a.keys(sink, files[len(files)-1])...)
			}
			return named
		}, []string{"behind", "open", "unknown"}, []string{"has seen segment", "the state is older than the archive", "kustash state rebuild"}, nil},
	}
}
