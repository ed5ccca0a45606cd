package emulator

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// Names below example.com and of the placeholder companies of Microsoft's
// documentation, addresses of the ranges that are kept for documentation.
var (
	demoHosts = []string{"web01.contoso.example", "web02.contoso.example", "db01.contoso.example", "dc01.contoso.example",
		"dc02.contoso.example", "files.contoso.example", "build-7.fabrikam.example", "LAPTOP-0042", "LAPTOP-0117",
		"kiosk-größe-xl", "сервер-9", "jump.example.com"}
	demoUsers = []string{"user01", "user02", "user03", "user04", "user05", "svc-backup", "svc-web", "admin", "operator",
		"benutzer.müller", "пользователь", "ユーザー", "tester🙂"}
	demoDisplay = []string{"User 01", "User 02", "User 03", "User 04", "User 05", "Backup Service", "Web Service",
		"Administrator", `Operator "Night Shift"`, "Benutzer, Müller-Ähnlich", "Пользователь Пять", "ユーザー 一", "Tester 🙂👩‍💻"}
	demoApps = []string{"Azure Portal", "Example Mail", "Contoso Payroll", "Fabrikam CRM", "Microsoft Graph", "Example VPN"}
	// oddTexts are what breaks writers of CSV, JSON lines and shells.
	oddTexts = []string{
		`said "no", then left`, "two\nlines", "tab\there", "carriage\r\nreturn", "=1+1", "+49 30 000", "-dash first", "@at",
		"  spaces around  ", `C:\Temp\new\"quoted".txt`, "emoji 🦊🚀 and flag 🇪🇺", "مرحبا بالعالم", "日本語のテキスト", "e\u0301 is not é",
		"null", "NaN", "true", "00123", "1e10", `{"not": "closed"`, "[1, 2", "a;b|c", "\u2028 separator", "zero\u200bwidth",
		"100% done", "'; drop table --", "<b>&amp;</b>", "\u0001 control \u007f",
	}
)

// pickOne returns one of a list.
func pickOne[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// user returns account and display name.
func (g *generator) user() (account, display string) {
	i := g.IntN(len(demoUsers))
	return demoUsers[i], demoDisplay[i]
}

// chance is true once in n.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

func (g *generator) ip() string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("2001:db8:%x::%x", g.IntN(65536), g.IntN(65536))
	case 1:
		return fmt.Sprintf("198.51.100.%d", g.IntN(256))
	case 2:
		return fmt.Sprintf("203.0.113.%d", g.IntN(256))
	}
	return fmt.Sprintf("10.%d.%d.%d", g.IntN(4), g.IntN(256), 1+g.IntN(254))
}

func (g *generator) guid() string {
	h := g.hex(16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

// hex returns n random bytes in hexadecimal.
func (g *generator) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return hex.EncodeToString(b)
}

func (g *generator) odd() string { return pickOne(g, oddTexts) }

// object returns a dynamic value with these keys and values in turn.
func object(pairs ...any) kql.Dynamic {
	b := []byte{'{'}
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, pairs[i].(string)), ':')
		if nested, ok := pairs[i+1].(kql.Dynamic); ok {
			b = append(b, nested...)
		} else {
			b = append(b, compact(pairs[i+1])...)
		}
	}
	return kql.Dynamic(append(b, '}'))
}

// list returns a dynamic array of dynamic values.
func list(values ...kql.Dynamic) kql.Dynamic {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return kql.Dynamic("[" + strings.Join(texts, ",") + "]")
}

// big returns an array of about size bytes, as some audit records hold.
func (g *generator) big(size int) kql.Dynamic {
	var values []kql.Dynamic
	for n := 0; n < size; {
		v := object("displayName", g.odd(), "oldValue", g.hex(20), "newValue", g.hex(20), "index", len(values))
		n += len(v)
		values = append(values, v)
	}
	return list(values...)
}
