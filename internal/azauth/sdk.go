package azauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2"
)

// fromSDK returns a token of azidentity in the words of oauth2.
func fromSDK(t azcore.AccessToken) *oauth2.Token {
	token := &oauth2.Token{AccessToken: t.Token, TokenType: "Bearer", Expiry: t.ExpiresOn}
	if in := time.Until(t.RefreshOn); !t.RefreshOn.IsZero() && in > 0 {
		token = token.WithExtra(map[string]any{"refresh_in": in.Seconds()})
	}
	return token
}

// explainSDK is explain for an error of azidentity, whose texts are pages.
func (r request) explainSDK(err error) *Error {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		e := r.explain(err)
		if e.Code == "" && e.cause == err {
			e.cause = nil
			text, _, _ := strings.Cut(err.Error(), "To troubleshoot, visit ")
			e.Detail = clip(strings.Join(strings.Fields(text), " "))
			e.Advice = "the identity service of this machine gave no token"
		}
		return e
	}
	refused := &oauth2.RetrieveError{Response: failed.RawResponse}
	if body, err := runtime.Payload(failed.RawResponse); err == nil {
		refused.Body = body
	}
	var words struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Message     string `json:"message"` // of App Service
	}
	_ = json.Unmarshal(refused.Body, &words) // a page of something else has neither
	refused.ErrorCode, refused.ErrorDescription = words.Error, words.Description
	if words.Description == "" {
		refused.ErrorDescription = words.Message
	}
	e := r.explain(refused)
	e.status = failed.RawResponse.StatusCode
	if e.status >= 500 || e.status == http.StatusTooManyRequests || e.status == http.StatusGone {
		e.Transient = true
		e.Advice = fmt.Sprintf("the identity service of this machine answered with status %d; it is worth another try", e.status)
	}
	return e
}
