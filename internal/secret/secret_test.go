package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTextIsHidden(t *testing.T) {
	const value = "p4ssw0rd"
	holder := struct{ Key Text }{value}
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", holder.Key, "holder", holder)
	for _, shown := range []string{
		fmt.Sprint(holder.Key), fmt.Sprintf("%v %+v %#v %s %q", holder, holder, holder, holder.Key, holder.Key),
		fmt.Sprintf("%x", holder.Key), string(asJSON), log.String(),
	} {
		if strings.Contains(shown, value) || strings.Contains(shown, fmt.Sprintf("%x", value)) {
			t.Errorf("the value is shown: %s", shown)
		}
	}
	if got := holder.Key.Reveal(); got != value {
		t.Errorf("Reveal gives %q, want the value", got)
	}
}
