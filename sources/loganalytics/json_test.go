package loganalytics

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// pieces of texts: everything that the reader treats in a way of its own, and
// runs that make it start at any offset of its steps of eight bytes.
var pieces = []string{
	"a", "plain", "eight by", "a run that is longer than eight bytes", "ü", "漢字", "😀", "\x7f", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80",
	`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u00e9`, `\u6F22`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\uFFFD`,
	`\`, `\u`, `\u12`, `\x`, "\n", "\x00", "\x1f", `"`, "'", "<", "\u2028",
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// smallReader has a buffer of size bytes, or one.
func smallReader(body string, size int) *jsonReader {
	return &jsonReader{r: strings.NewReader(body), buf: make([]byte, max(size, 1)+1), textMax: maxText, mark: -1}
}

func TestTextAgreesWithEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		raw := `"` + randomText(r) + `"`
		var want string
		wantErr := json.Unmarshal([]byte(raw), &want)
		for _, bytewise := range []bool{false, true} {
			j, k := smallReader(raw[1:], r.IntN(40)), smallReader(raw, r.IntN(40))
			if bytewise {
				j.r, k.r = iotest.OneByteReader(j.r), iotest.OneByteReader(k.r)
			}
			got, err := j.text()
			if err == nil {
				err = j.atEnd()
			}
			if (err == nil) != (wantErr == nil) || err == nil && string(got) != want {
				t.Fatalf("%q: got %q, %v; want %q, %v", raw, got, err, want, wantErr)
			}
			if err = k.skip(0); err == nil {
				err = k.atEnd()
			}
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("skip %q: got %v, want %v", raw, err, wantErr)
			}
		}
	}
}

// A text may begin and end at any distance from the end of the buffer.
func TestTextAcrossBuffers(t *testing.T) {
	const text = `abc\n\ud83d\ude00ü\\漢` + "\xe2\x82\xff" + `tail`
	var want string
	if err := json.Unmarshal([]byte(`"`+text+`"`), &want); err != nil {
		t.Fatal(err)
	}
	body := `"` + text + `" , -12.5e+3 ,[ true,"` + text + `"],null`
	for size := 1; size <= len(body)+1; size++ {
		j := smallReader(body, size)
		if c, err := j.next(); c != '"' || err != nil {
			t.Fatalf("buffer of %d: %q, %v", size, c, err)
		}
		j.pos++
		if got, err := j.text(); err != nil || string(got) != want {
			t.Errorf("buffer of %d: text: got %q, %v; want %q", size, got, err, want)
		}
		for _, raw := range []string{`-12.5e+3`, `[ true,"` + text + `"]`, `null`} {
			if err := j.open(',', "a comma"); err != nil {
				t.Errorf("buffer of %d: %v", size, err)
			}
			if got, err := j.raw(); string(got) != raw || err != nil {
				t.Errorf("buffer of %d: got %q, %v; want %q", size, got, err, raw)
			}
		}
	}
}

// What comes after a value that was kept as received is not kept.
func TestRawKeepsItsValueOnly(t *testing.T) {
	j := smallReader(`1.5,"`+strings.Repeat("x", 100)+`"`, 4)
	j.textMax = 50
	if got, err := j.raw(); string(got) != "1.5" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	if err := j.open(',', "a comma"); err != nil {
		t.Fatal(err)
	}
	if err := j.skip(0); err != nil {
		t.Errorf("skip a long text: %v", err)
	}
}

func TestSkipAgreesWithValid(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	tokens := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"b\n"`, "0", "-1", "1.5", "1e5", "01", "-", "1.", "true", "false", "null", "nul", " ", "\n", "\v", "x"}
	valid := 0
	for range 50000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(tokens[r.IntN(len(tokens))])
		}
		// A number needs something behind it to end, as in every answer.
		raw := "[" + b.String() + "]"
		j := smallReader(raw, r.IntN(8))
		err := j.skip(maxDepth)
		if err == nil {
			err = j.atEnd()
		}
		if want := json.Valid([]byte(raw)); (err == nil) != want {
			t.Fatalf("%q: got %v, want valid: %v", raw, err, want)
		} else if want {
			valid++
		}
	}
	if valid < 500 {
		t.Errorf("only %d of the texts were valid", valid)
	}
}

func TestPlain(t *testing.T) {
	slow := func(b []byte) (n int, wide bool) {
		for ; n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' '; n++ {
			wide = wide || b[n] >= 0x80
		}
		return n, wide
	}
	r := rand.New(rand.NewPCG(11, 12))
	for range 200000 {
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = "aaaa ~!#[]\"\\\x00\x1f\x20\x21\x7f\x80\xa2\xdc\xff"[r.IntN(r.IntN(21)+1)]
		}
		n, wide := plain(b)
		if wantN, wantWide := slow(b); n != wantN || wide != wantWide {
			t.Fatalf("%q: got %d, %v; want %d, %v", b, n, wide, wantN, wantWide)
		}
	}
}

func TestRepair(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 10000 {
		b := []byte(randomText(r))
		got := asUTF8(b)
		if want := string([]rune(string(b))); string(got) != want || !utf8.Valid(got) {
			t.Fatalf("%q: got %q, want %q", b, got, want)
		}
	}
}
