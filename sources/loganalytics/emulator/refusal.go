package emulator

import (
	"fmt"

	"github.com/google/uuid"
)

// refusal is an error of the token endpoint.
type refusal struct {
	status int
	code   string // OAuth's word
	number int    // of AADSTS
	text   string
}

func missingParameter(name string) *refusal {
	return &refusal{400, "invalid_request", 900144, fmt.Sprintf("The request body must contain the following parameter: '%s'.", name)}
}

// refusalBody has the order of fields of the recorded body.
type refusalBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	Trace       string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
	URI         string `json:"error_uri"`
}

func (x *exchange) refuse(f *refusal) {
	trace, correlation := uuid.NewString(), x.id
	if id := x.r.Header.Get("client-request-id"); guidForm.MatchString(id) {
		correlation = id
	}
	at := x.e.config.Now().UTC().Format("2006-01-02 15:04:05Z")
	noStore(x.w.Header())
	sendJSON(x.w, f.status, refusalBody{
		Error: f.code,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			f.number, f.text, trace, correlation, at),
		Codes: []int{f.number}, Timestamp: at, Trace: trace, Correlation: correlation,
		URI: fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.number),
	})
}
