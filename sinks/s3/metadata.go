package s3

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"strings"

	"github.com/kustash/kustash/sinks"
)

const (
	// maxMeta is how many bytes of names and values S3 keeps with an object:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
	maxMeta = 2048

	metaPrefix  = "kustash-"
	attemptName = metaPrefix + "attempt"
	shaName     = metaPrefix + "sha256"
	lineageName = metaPrefix + "lineage"
)

// fields returns what an object of one part says of itself in its own metadata;
// whole is false if something that others need does not fit.
func (c Config) fields(m sinks.Metadata, attempt string) (fields map[string]string, whole bool) {
	given := m.Fields()
	if m.Embedded {
		delete(given, "columns") // the longest, and the object itself has them
	}
	fields = c.ownFields(attempt)
	size := sizeOf(fields)
	own := make(map[string]string)
	for name, text := range given {
		own[headerName(name)] = encode(text)
	}
	if size+sizeOf(own) > maxMeta {
		fields[shaName] = m.SHA256
		return fields, m.Embedded
	}
	maps.Copy(fields, own)
	return fields, true
}

// ownFields are known before an object is.
func (c Config) ownFields(attempt string) map[string]string {
	fields := map[string]string{attemptName: attempt}
	maps.Copy(fields, c.Metadata)
	return fields
}

func sizeOf(fields map[string]string) (n int) {
	for name, text := range fields {
		n += len(name) + len(text)
	}
	return n
}

// headerName makes a name of Metadata.Fields one of a header: servers in between
// drop those with an underscore.
func headerName(name string) string { return metaPrefix + strings.ReplaceAll(name, "_", "-") }

// metadataOf reads back what fields made.
func metadataOf(fields map[string]string) (sinks.Metadata, error) {
	var broken error
	m, err := sinks.MetadataOf(func(name string) string {
		text, err := url.PathUnescape(fields[headerName(name)])
		if err != nil {
			broken = fmt.Errorf("metadata %s: %w", name, err)
		}
		return text
	})
	if broken != nil {
		err = broken
	}
	return m, err
}

// encode percent-encodes what a header cannot hold or a server might trim.
func encode(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c > ' ' && c < 0x7f && c != '%' || c == ' ' && i > 0 && i < len(text)-1 && text[i-1] != ' ' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// besideKey is the key of the metadata that lies beside an object. It names the
// attempt that wrote the object, so no attempt ever writes over the metadata of
// another.
func besideKey(key, attempt string) string {
	folder, name := path.Split(key)
	return folder + "_" + name + "." + attempt + ".meta.json"
}
