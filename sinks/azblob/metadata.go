package azblob

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/kustash/kustash/sinks"
)

// The names of what the tool keeps in a blob's metadata. They are compared
// without regard to case, as headers are.
const (
	metaPrefix   = "kustash_"
	attemptField = metaPrefix + "attempt"
	besideField  = metaPrefix + "beside" // the blob that holds the rest
)

// identifier is what the service takes for a name of metadata: a C# identifier
// (https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources).
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// maxMetadata leaves some room below the 8 KiB that names and values of a blob
// may take together.
const maxMetadata = 7 << 10

// fields returns a blob's metadata. What has no room, the columns of a wide
// table before all, is in a blob of its own beside it, which is there first,
// unless the object's own bytes hold it.
func (o *object) fields(ctx context.Context, m sinks.Metadata) (map[string]*string, error) {
	fields := make(map[string]*string)
	for name, text := range o.store.config.Metadata {
		fields[name] = to.Ptr(encode(text))
	}
	fields[attemptField] = to.Ptr(o.attempt.String())
	if m.Lineage == "" { // no data
		fields[metaPrefix+"sha256"] = to.Ptr(m.SHA256)
		return fields, nil
	}
	own := m.Fields()
	if sizeOf(own)+len(fields)*64 > maxMetadata {
		delete(own, "columns")
		delete(own, "replaces")
		if !m.Embedded {
			name, err := o.putBeside(ctx, m)
			if err != nil {
				return nil, err
			}
			own["beside"] = name
		}
	}
	for name, text := range own {
		fields[metaPrefix+name] = to.Ptr(encode(text))
	}
	return fields, nil
}

func sizeOf(fields map[string]string) int {
	size := 0
	for name, text := range fields {
		size += len(metaPrefix) + len(name) + len(encode(text))
	}
	return size
}

// putBeside keeps metadata in a blob of this attempt, which nobody else writes.
func (o *object) putBeside(ctx context.Context, m sinks.Metadata) (name string, err error) {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", err
	}
	folder, file := path.Split(o.key)
	name = folder + "_" + file + "." + o.attempt.String()[:8] + ".meta.json"
	beside, err := o.store.Create(ctx, name)
	if err != nil {
		return "", err
	}
	defer beside.Abort()
	if _, err := beside.Write(append(raw, '\n')); err != nil {
		return "", err
	}
	if err := beside.Prepare(ctx, sinks.Metadata{Embedded: true}); err != nil {
		return "", err
	}
	return name, beside.Commit(ctx)
}

// encode makes a value that a header can hold: what is not plain ASCII is
// percent-encoded.
func encode(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c == '%' || c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(text)-1) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// decode reads back what encode wrote.
func decode(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		var c byte
		if text[i] == '%' && i+2 < len(text) {
			if _, err := fmt.Sscanf(text[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// valuesOf returns the values of a name of metadata.
func valuesOf(metadata map[string]*string, name string) (values []string) {
	for n, v := range metadata {
		if v != nil && strings.EqualFold(n, name) {
			values = append(values, *v)
		}
	}
	return values
}

// firstOf returns the value of a name of metadata; "" if there is none.
func firstOf(metadata map[string]*string, name string) string {
	if all := valuesOf(metadata, name); len(all) > 0 {
		return decode(all[0])
	}
	return ""
}

// contentTypes are the media types of objects, by the end of their names.
var contentTypes = []struct{ suffix, kind string }{
	{".parquet", "application/vnd.apache.parquet"},
	{".csv", "text/csv; charset=utf-8"},
	{".json", "application/json"},
	{".jsonl", "application/x-ndjson"},
	{".gz", "application/gzip"},
	{".zst", "application/zstd"},
}

func contentType(key string) string {
	for _, t := range contentTypes {
		if strings.HasSuffix(key, t.suffix) {
			return t.kind
		}
	}
	return "application/octet-stream"
}
