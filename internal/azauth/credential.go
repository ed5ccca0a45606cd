package azauth

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// TokenCredential returns a credential for clients of Azure's own modules: one
// that asks for tokens for an audience, whatever scopes the client names.
func TokenCredential(c Credential, audience string) azcore.TokenCredential {
	return tokenCredential{NewTokens(c, Target{Authority: publicAuthority, Audience: audience, Assumed: true})}
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
