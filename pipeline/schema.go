package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
)

// Type is a KQL scalar type, by the name the service uses for it.
type Type string

// The scalar types of KQL.
const (
	Bool     Type = "bool"
	Int      Type = "int"
	Long     Type = "long"
	Real     Type = "real"
	Decimal  Type = "decimal"
	String   Type = "string"
	Datetime Type = "datetime"
	Timespan Type = "timespan"
	GUID     Type = "guid"
	Dynamic  Type = "dynamic"
)

// Valid reports whether t is one of the types above.
func (t Type) Valid() bool {
	switch t {
	case Bool, Int, Long, Real, Decimal, String, Datetime, Timespan, GUID, Dynamic:
		return true
	}
	return false
}

// Arrow returns the type of the column's Arrow array in a record. Numbers and
// truth values have their own; every other type is utf8 and holds the text as
// received, which the source has checked to be well formed (ParseTime and
// ParseSpan succeed on it). Formats turn the text into what they store.
func (t Type) Arrow() arrow.DataType {
	switch t {
	case Bool:
		return arrow.FixedWidthTypes.Boolean
	case Int:
		return arrow.PrimitiveTypes.Int32
	case Long:
		return arrow.PrimitiveTypes.Int64
	case Real:
		return arrow.PrimitiveTypes.Float64
	}
	return arrow.BinaryTypes.String
}

// Ends says how well the ends of a slice could be kept.
type Ends string

// Approximate says that a row near an end of the slice may lie in its
// neighbour as well, or in neither: nothing in the answer tells. Other slices
// are exact, which is "".
const Approximate Ends = "approximate"

// EndsKey is the key of a record's own metadata that holds its Ends; none is
// exact.
const EndsKey = "kustash.ends"

// EndsOf returns what the records of a read say of their slice's ends.
func EndsOf(a *arrow.Schema) Ends {
	ends, _ := a.Metadata().GetValue(EndsKey)
	return Ends(ends)
}

// Keys of an Arrow field's metadata in every record of this program.
const (
	TypeKey = "kql.type" // the column's Type
	NameKey = "kql.name" // the name the service gave it, where the file's differs
)

// Column is one column of an answer and of the files made from it.
type Column struct {
	Name string `json:"name"`         // as the service gave it
	Type Type   `json:"type"`         // as the service gave it
	As   string `json:"as,omitempty"` // the name in files, where it is another
}

// FileName returns the name that the column has in files.
func (c Column) FileName() string {
	if c.As != "" {
		return c.As
	}
	return c.Name
}

// Schema is a list of columns in the order of the answer.
type Schema []Column

// Arrow returns the schema of records with these columns: file names, nullable
// fields, and the metadata of TypeKey and NameKey.
func (s Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, c := range s {
		keys, values := []string{TypeKey}, []string{string(c.Type)}
		if c.As != "" && c.As != c.Name {
			keys, values = append(keys, NameKey), append(values, c.Name)
		}
		fields[i] = arrow.Field{
			Name:     c.FileName(),
			Type:     c.Type.Arrow(),
			Nullable: true,
			Metadata: arrow.NewMetadata(keys, values),
		}
	}
	return arrow.NewSchema(fields, nil)
}

// SchemaOf reads back what Arrow wrote. A field without a known kql.type is an
// error: records of sources always carry it.
func SchemaOf(a *arrow.Schema) (Schema, error) {
	s := make(Schema, len(a.Fields()))
	for i, f := range a.Fields() {
		t, _ := f.Metadata.GetValue(TypeKey)
		if !Type(t).Valid() {
			return nil, fmt.Errorf("column %q has no known KQL type (%q)", f.Name, t)
		}
		s[i] = Column{Name: f.Name, Type: Type(t)}
		if name, ok := f.Metadata.GetValue(NameKey); ok {
			s[i].Name, s[i].As = name, f.Name
		}
	}
	return s, nil
}

// Hash names a schema: the first 16 hex digits of the SHA-256 of its JSON.
func (s Schema) Hash() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// DigitsSuffix ends the name of the column that formats may put beside a
// datetime, for the seventh digit of its second. No column that comes after a
// datetime gets that name.
const DigitsSuffix = "_100ns"

// DigitNames names the columns of seventh digits, by the file names of the
// datetimes that have one: a name that another column has, ignoring case, gets
// _2, _3 ….
func (s Schema) DigitNames(has func(Column) bool) map[string]string {
	taken, names := make(map[string]bool), make(map[string]string)
	for _, c := range s {
		taken[strings.ToLower(c.FileName())] = true
	}
	for _, c := range s {
		if c.Type != Datetime || !has(c) {
			continue
		}
		base := c.FileName() + DigitsSuffix
		name := base
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		taken[strings.ToLower(name)] = true
		names[c.FileName()] = name
	}
	return names
}

// Extend gives the columns of an answer their names in files. known holds all
// columns that the query has ever had, in order of appearance. The result file
// has the answer's columns in the answer's order; grown is known plus the
// columns that are new. A column keeps the name it had before; a new one that
// equals another ignoring case gets _2, _3 …; one whose type has changed
// becomes Name_type. With exact, names that differ by case only are no matter.
func (known Schema) Extend(answer Schema, exact bool) (file, grown Schema) {
	fold := strings.ToLower
	if exact {
		fold = func(name string) string { return name }
	}
	grown = known[:len(known):len(known)]
	taken := make(map[string]bool)
	take := func(c Column) {
		taken[fold(c.FileName())] = true
		if c.Type == Datetime {
			taken[fold(c.FileName()+DigitsSuffix)] = true
		}
	}
	for _, c := range known {
		take(c)
	}
	used := make(map[int]bool) // entries of grown that this answer has claimed
	for _, c := range answer {
		at, retyped := -1, false
		for i, k := range grown {
			if k.Name != c.Name || used[i] {
				continue
			}
			if k.Type == c.Type {
				at = i
				break
			}
			retyped = true
		}
		if at < 0 {
			base := c.Name
			if retyped {
				base += "_" + string(c.Type)
			}
			name := base
			for n := 2; taken[fold(name)]; n++ {
				name = fmt.Sprintf("%s_%d", base, n)
			}
			column := Column{Name: c.Name, Type: c.Type}
			if name != c.Name {
				column.As = name
			}
			take(column)
			at = len(grown)
			grown = append(grown, column)
		}
		used[at] = true
		file = append(file, grown[at])
	}
	return file, grown
}
