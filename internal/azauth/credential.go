package azauth

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// TokenCredential returns a credential for clients of Azure's own modules: one
// that asks for tokens for t, whatever scopes the client names. Where t has no
// authority it is that of the public cloud, unless the machine names another.
func TokenCredential(c Credential, t Target) azcore.TokenCredential {
	if t.Authority == "" {
		t.Authority, t.Assumed = publicAuthority, true
	}
	return tokenCredential{NewTokens(c, t)}
}

const publicAuthority = "https://login.microsoftonline.com"

type tokenCredential struct{ tokens *Tokens }

// GetToken implements azcore.TokenCredential.
func (t tokenCredential) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := t.tokens.Token(ctx)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	return azcore.AccessToken{Token: token.AccessToken, ExpiresOn: token.Expiry}, nil
}
