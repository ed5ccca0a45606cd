package azauth

import (
	"context"
	"errors"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

// Tokens keeps the token of one credential for one target and renews it before
// it expires. It is safe for concurrent use; at most one renewal runs at a
// time, and whoever waits for it can be cancelled.
type Tokens struct {
	credential Credential
	target     Target
	now        func() time.Time
	turn       chan struct{} // holds one value while somebody looks or asks
	current    *oauth2.Token
	renewAt    time.Time // from then on a new one is asked for
}

// NewTokens returns a Tokens that has asked for nothing yet.
func NewTokens(c Credential, t Target) *Tokens {
	return &Tokens{credential: c, target: t, now: time.Now, turn: make(chan struct{}, 1)}
}

// Token returns a token that is valid for a while. A renewal that fails for a
// transient reason is put off as long as the old token is valid.
func (s *Tokens) Token(ctx context.Context) (*oauth2.Token, error) {
	return s.get(ctx, nil)
}

// Renew returns another token than rejected, which the service did not accept.
// If somebody else has renewed it in the meantime no further one is asked for.
func (s *Tokens) Renew(ctx context.Context, rejected *oauth2.Token) (*oauth2.Token, error) {
	return s.get(ctx, rejected)
}

func (s *Tokens) get(ctx context.Context, rejected *oauth2.Token) (*oauth2.Token, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.now()
	known := s.current != nil && (rejected == nil || s.current.AccessToken != rejected.AccessToken)
	if known && (s.renewAt.IsZero() || now.Before(s.renewAt)) {
		return s.current, nil
	}
	fresh, err := s.ask(ctx)
	if err == nil {
		fresh, err = lifetime(fresh, now)
	}
	if err != nil {
		var e *Error
		if known && now.Before(s.current.Expiry) && errors.As(err, &e) && e.Transient {
			return s.current, nil
		}
		return nil, err
	}
	s.current, s.renewAt = fresh, renewal(fresh, now)
	return fresh, nil
}

func (s *Tokens) ask(ctx context.Context) (*oauth2.Token, error) {
	source, err := s.credential.TokenSource(ctx, s.target)
	if err != nil {
		return nil, err
	}
	return source.Token()
}

// renewal returns when to ask for the next token: when the authority says so
// (refresh_in), else 5 minutes before the end, or when a quarter of a short
// life is left. Zero is never.
func renewal(t *oauth2.Token, now time.Time) time.Time {
	if t.Expiry.IsZero() {
		return time.Time{}
	}
	life := t.Expiry.Sub(now)
	at := t.Expiry.Add(-min(5*time.Minute, life/4))
	if asked := seconds(t.Extra("refresh_in")); asked > 0 && now.Add(asked).Before(at) {
		at = now.Add(asked)
	}
	return at
}

// seconds reads a number that the two versions of the endpoint send as number
// and as text; 0 is none.
func seconds(v any) time.Duration {
	switch n := v.(type) {
	case float64:
		return time.Duration(n * float64(time.Second))
	case string:
		if n, err := strconv.ParseInt(n, 10, 32); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}
