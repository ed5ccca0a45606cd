package azauth

import (
	"regexp"
	"slices"
)

// secretID is the form of a secret's id, which the portal shows beside its
// value. No value has it.
var secretID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

const adviceSecretID = "what is given as the client secret has the form of a secret's id; use its value, which is shown only once, when it is created"

// tellSecretID tells the id of a secret in the place of its value from a wrong
// value: the authority has one number for both.
func (e *Error) tellSecretID(sent ...string) {
	if slices.Contains(e.Numbers, 7000215) && slices.ContainsFunc(sent, secretID.MatchString) {
		e.Advice = adviceSecretID
	}
}
