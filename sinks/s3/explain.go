package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kustash/kustash/pipeline"
)

// noBucket is the code of a bucket that is not there.
const noBucket = "NoSuchBucket"

// status returns the status of an answer that is an error; 0 if there is no
// answer.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// code returns the word of the service for its error; "" if there is none.
func code(err error) string {
	var said smithy.APIError
	if errors.As(err, &said) {
		return said.ErrorCode()
	}
	return ""
}

// unable reports whether the right to ask is missing, or the service cannot.
func unable(err error) bool {
	return status(err) == http.StatusForbidden || status(err) == http.StatusNotImplemented || code(err) == "NotImplemented"
}

// rights are what an identity needs for what was being done.
var rights = map[string]string{
	"read":   "s3:GetObject, and s3:ListBucket, without which an object that is not there looks forbidden",
	"list":   "s3:ListBucket",
	"remove": "s3:DeleteObject",
	"write":  "s3:PutObject, with a key of KMS also kms:GenerateDataKey and kms:Decrypt, with tags s3:PutObjectTagging",
}

// advice says what to do about an answer.
func advice(doing string, status int, code string) string {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return "access_key_id or secret_access_key is wrong"
	case "ExpiredToken", "TokenRefreshRequired", "InvalidToken":
		return "the key is temporary and has expired, or is not whole: renew access_key_id, secret_access_key and session_token"
	case "RequestTimeTooSkewed":
		return "set this machine's clock"
	case "InvalidObjectState":
		return "the object is in a storage class that must be restored before it is read"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException":
		return "check region: the bucket is in another one"
	case "NoSuchUpload":
		return "the upload has been ended by another run or by a lifecycle rule; what it was for is read again"
	case noBucket:
		return "check bucket and region; kustash does not create buckets"
	}
	switch {
	case status == http.StatusMovedPermanently || status == http.StatusBadRequest && doing == "read":
		return "check region, and whether the key has expired"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if right := rights[doing]; right != "" {
			return "the key may be wrong or have expired, or its identity needs " + right
		}
		return "the key may be wrong or have expired, or its identity lacks a right"
	}
	return ""
}

// explain makes one line of an error of the module, whose own name the steps of
// its machinery. It wraps pipeline.ErrUnreadable where the right to read or list
// is missing.
func (s *Store) explain(ctx context.Context, doing, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", doing, key, ctx.Err())
	}
	var missing *noKey
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("%s %s: %s; give access_key_id and secret_access_key, or sign in with the AWS CLI", doing, key, oneLine(missing.Error()))
	case errors.As(err, &unsent):
		return fmt.Errorf("%s %s: %s cannot be reached: %s; check endpoint, region and the network", doing, key, s.config.Place(), oneLine(cause(unsent).Error()))
	case code(err) == "" && status(err)/100 == 2:
		return fmt.Errorf("%s %s: the answer is not whole: %s", doing, key, oneLine(last(err).Error()))
	case status(err) != 0:
		said := code(err)
		text := fmt.Sprintf("%s %s: the store answered with status %d %s", doing, key, status(err), said)
		if to := advice(doing, status(err), said); to != "" {
			text = strings.TrimSuffix(text, " ") + "; " + to
		}
		err := &refused{strings.TrimSuffix(text, " "), []error{err}}
		if hidden(doing, status(err), said) {
			err.errs = append(err.errs, pipeline.ErrUnreadable)
		}
		return err
	}
	return fmt.Errorf("%s %s: %s", doing, key, oneLine(err.Error()))
}

// cause leaves out the address of the request, which *url.Error begins with.
func cause(unsent *smithyhttp.RequestSendError) error {
	var address *url.Error
	if errors.As(unsent.Err, &address) {
		return address.Err
	}
	return unsent.Err
}

// last returns the innermost error.
func last(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// refused is an answer in our words. What the module said of it stays, for
// status and code.
type refused struct {
	text string
	errs []error
}

func (e *refused) Error() string   { return e.text }
func (e *refused) Unwrap() []error { return e.errs }

// hidden reports whether an answer says nothing about what is there: it may not
// be read, or not now.
func hidden(doing string, status int, code string) bool {
	return (doing == "read" || doing == "list") && (status == http.StatusForbidden || status == http.StatusUnauthorized || code == "InvalidObjectState")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
