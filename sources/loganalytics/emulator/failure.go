package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// failure is a refusal of the query service, not yet sent. The order of the
// fields is that of recorded bodies.
type failure struct {
	status int
	header http.Header

	Message string `json:"message"`
	Code    string `json:"code"`
	ID      string `json:"correlationId"`
	Inner   *inner `json:"innererror,omitempty"`
}

// inner is a nested error. Line, Pos and Token are those of a syntax error.
type inner struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Line    *int     `json:"line,omitempty"`
	Pos     *int     `json:"pos,omitempty"`
	Token   *string  `json:"token,omitempty"`
	Details []detail `json:"details,omitempty"`
	Inner   *inner   `json:"innererror,omitempty"`
}

type detail struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Target  *string `json:"target"`
}

// fail sends a refusal.
func (x *exchange) fail(f *failure) {
	f.ID = x.id
	for k, v := range f.header {
		x.w.Header()[k] = v
	}
	if f.status == http.StatusTooManyRequests {
		if wait := x.e.config.Limits.RetryAfter; wait > 0 && x.w.Header().Get("Retry-After") == "" {
			x.w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+999_999_999)/1_000_000_000), 10))
		}
	}
	sendJSON(x.w, f.status, map[string]*failure{"error": f})
}

// sendJSON sends a small body of one piece.
func sendJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(compact(body))
}

// marshal returns JSON without the escapes that only matter inside HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// compact is marshal for bodies of texts and numbers.
func compact(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic(err) // these always marshal
	}
	return b
}

func pathNotFound() *failure {
	return &failure{status: 404, Code: "PathNotFoundError", Message: "The requested path does not exist"}
}

func workspaceNotFound(id string) *failure {
	return &failure{status: 404, Code: "ResourceNotFoundError", Message: "The requested resource was not found",
		Inner: &inner{Code: "ResourceNotFound", Message: "Unable to resolve workspace: " + id}}
}

func throttled() *failure {
	return &failure{status: 429, Code: "ThrottledError", Message: "Your request has been throttled"}
}

func gatewayTimeout() *failure {
	return &failure{status: 504, Code: "GatewayTimeout", Message: "Gateway timeout",
		Inner: &inner{Code: "GatewayTimeout", Message: "ADX query timed out"}}
}

func badArgument(in *inner) *failure {
	return &failure{status: 400, Code: "BadArgumentError", Message: "The request had some invalid properties", Inner: in}
}

func invalidRequest(code, message string) *failure {
	return badArgument(&inner{Code: "QueryValidationError", Message: "Failed parsing the query",
		Details: []detail{{Code: code, Message: message}}})
}

// runaway is the code of E_RUNAWAY_QUERY, which comes as a partial answer.
const runaway = "-2133196799"

// badQuery is the refusal of a query that cannot be evaluated; nil if the
// client has gone.
func badQuery(err error) *failure {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return gatewayTimeout()
	}
	var refused *failure
	if errors.As(err, &refused) {
		return refused
	}
	var fault *kql.Error
	if !errors.As(err, &fault) {
		return &failure{status: 500, Code: "InternalServerFault", Message: "Unexpected error occurred",
			Inner: &inner{Code: "InternalServerFault", Message: err.Error()}}
	}
	if strings.HasPrefix(fault.Code, "SYN") {
		return badArgument(&inner{Code: "SyntaxError", Message: "A recognition error occurred in the query.",
			Inner: &inner{Code: fault.Code, Message: fault.Message, Line: &fault.Line, Pos: &fault.Pos, Token: &fault.Token}})
	}
	return badArgument(&inner{Code: "SemanticError", Message: "A semantic error occurred.",
		Inner: &inner{Code: fault.Code, Message: fault.Message}})
}

// oldSyntaxError is a fault of the text as of 2021: one level less, and the
// whole query in the message.
func oldSyntaxError(fault *kql.Error, text string) *failure {
	return badArgument(&inner{Code: "SyntaxError", Message: fmt.Sprintf("Request is invalid and cannot be processed: "+
		"Syntax error: SYN0001: %s. Query: '%s'", fault.Message, text)})
}

// Error lets a refusal pass through package kql.
func (f *failure) Error() string { return f.Code + ": " + f.Message }

// basicOnQuery is the refusal of a Basic or Auxiliary table on the query route,
// as users have seen it (github.com/Azure/azure-sdk-for-go/issues/24606).
func basicOnQuery() *failure {
	const route = "https://api.loganalytics.io/v1/workspaces/{workspaceId}/"
	return badArgument(&inner{Code: "UnsupportedApiQueryValidationError",
		Message: "Query of Basic Logs table is not supported with the API '" + route + "query'.\n" +
			"You can use '" + route + "search' instead.\n" +
			"To learn more on queries on Basic Logs table, read here: https://aka.ms/basicLogsQueryAPI."})
}

// tooManyOnSearch has the text that users have seen
// (github.com/Azure/Azure-Sentinel/issues/12172); its code is a guess.
func tooManyOnSearch() *failure {
	return badArgument(&inner{Code: "UnsupportedApiQueryValidationError",
		Message: "The query should contain a single Basic or Auxiliary Logs table. " +
			"The query should contain up to five Analytics Logs tables."})
}

func tooLargeForGateway(limits Limits) *failure {
	return &failure{status: limits.GatewayStatus, Code: limits.GatewayCode,
		Message: fmt.Sprintf("Maximum response size of %d bytes exceeded", limits.GatewayBytes)}
}
