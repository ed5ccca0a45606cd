package azauth

import (
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// longestLife bounds how long a token is kept: twice as long as the longest
// that the authority issues. An answer that claims more is taken for a mistake
// that costs a renewal, not for a token that never has to be renewed.
const longestLife = 48 * time.Hour

var errStillborn = errors.New("the sign-in service issued a token that has expired already")

// lifetime returns a token whose expiry can be relied on. One without any is
// kept until the service rejects it.
func lifetime(t *oauth2.Token, now time.Time) (*oauth2.Token, error) {
	switch {
	case t.Expiry.IsZero():
	case !t.Expiry.After(now):
		return nil, errStillborn
	case t.Expiry.After(now.Add(longestLife)):
		bounded := *t // the fields of the answer come along
		bounded.Expiry = now.Add(longestLife)
		return &bounded, nil
	}
	return t, nil
}
