package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/kustash/kustash/internal/azauth"
	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/pipeline/config"
	"github.com/kustash/kustash/sources/loganalytics"
)

// tokenCause is a reason for which the authority issues no token.
type tokenCause struct {
	numbers []int // of the authority, as in AADSTS7000215
	help    string
	advice  func(*patient) []string
}

// tokenCauses are searched by number. The numbers are those of
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
var tokenCauses = []tokenCause{
	{[]int{7000215}, "wrong-secret", func(p *patient) []string {
		return []string{
			"Give the secret's value. The portal shows it once, when the secret is created; the id beside it, a GUID, is not it. Mind quotes and blanks around it.",
			"If the value is lost, create another secret, and set AZURE_CLIENT_SECRET (or client_secret) to what is printed as password:\n" + p.newSecret(),
		}
	}},
	{[]int{7000222}, "expired-secret", func(p *patient) []string {
		return []string{"Create a new secret, and set AZURE_CLIENT_SECRET (or client_secret) to what is printed as password:\n" + p.newSecret()}
	}},
	{[]int{7000218}, "credential", func(*patient) []string {
		return []string{"Set AZURE_CLIENT_SECRET (or client_secret) of the credential."}
	}},
	{[]int{700016, 7000229}, "application", func(p *patient) []string {
		return []string{
			"Check client_id (the \"Application (client) ID\") and tenant_id (the \"Directory (tenant) ID\") on the application's overview page. What a tenant has:\n" +
				"az ad app list --display-name NAME --query \"[].{name:displayName,client_id:appId}\" --output table",
			"If the application is there and has no service principal, make one:\naz ad sp create --id " + p.client(),
		}
	}},
	{[]int{7000112}, "application", func(p *patient) []string {
		return []string{"The application is switched off. Switch it on:\naz ad sp update --id " + p.client() + " --set accountEnabled=true"}
	}},
	{[]int{53003}, "application", func(*patient) []string {
		return []string{"A Conditional Access policy blocks the application from here: ask who administers the tenant to let it in from this address."}
	}},
	{[]int{90002}, "tenant", func(p *patient) []string {
		return []string{
			"Check tenant_id, the \"Directory (tenant) ID\":\naz account show --query tenantId --output tsv",
			fmt.Sprintf("If the tenant belongs to another cloud than %s, say so in the workspace: cloud = \"public\", \"usgov\" or \"china\".", p.access.Cloud),
		}
	}},
	{[]int{900382, 900432, 900384}, "other-cloud", func(p *patient) []string {
		return []string{fmt.Sprintf("The workspace says %q. Set cloud to the tenant's: public, usgov or china.", p.access.Cloud)}
	}},
	{[]int{500011}, "other-cloud", func(p *patient) []string {
		return []string{
			fmt.Sprintf("The workspace says %q. If the tenant belongs to another cloud, set cloud to it: public, usgov or china.", p.access.Cloud),
			"If the cloud is right, the tenant has never used the query service. Make it known there:\naz ad sp create --id " + apiApplication,
		}
	}},
	{[]int{500133, 50013, 700024}, "clock", func(p *patient) []string { return []string{p.setClock()} }},
}

// noToken explains why there is no token.
func (p *patient) noToken(err error) outcome {
	f := outcome{status: failed, detail: err.Error(), help: "credential"}
	var refused *azauth.Error
	if !errors.As(err, &refused) {
		if errors.Is(err, pipeline.ErrAccess) {
			f.advice = []string{"Set the variables, or the arguments of the credential:\nexport AZURE_TENANT_ID=... AZURE_CLIENT_ID=... AZURE_CLIENT_SECRET=..."}
		}
		return f
	}
	for _, c := range tokenCauses {
		if slices.ContainsFunc(c.numbers, func(n int) bool { return slices.Contains(refused.Numbers, n) }) {
			f.help, f.advice = c.help, c.advice(p)
			return f
		}
	}
	switch {
	case refused.Transient:
		f.advice = []string{"Try again in some minutes."}
	default:
		f.advice = []string{"Check tenant_id, client_id and what proves the identity in the credential, and cloud and authority in the workspace."}
	}
	return f
}

// client names the application in commands.
func (p *patient) client() string {
	if p.claims.Application != "" {
		return p.claims.Application
	}
	if _, id, ok := strings.Cut(p.access.Principal, "/"); ok && id != "" && !strings.Contains(id, "/") {
		return id
	}
	return "CLIENT_ID"
}

func (p *patient) newSecret() string {
	return "az ad app credential reset --id " + p.client() + " --append --display-name kustash"
}

// answerCause is a reason for which the query service refuses.
type answerCause struct {
	status int      // 0 is any
	codes  []string // none is any
	help   string
	advice func(*patient, error) []string
}

// answerCauses are tried from the top; the first that holds counts.
var answerCauses = []answerCause{
	{0, []string{"NspValidationFailedError"}, "network", networkAdvice},
	{0, []string{"UnsupportedKeyError"}, "credential", func(*patient, error) []string {
		return []string{"Only the demo workspace takes API keys. Use another kind of credential, such as client_secret."}
	}},
	{0, []string{"InvalidAuthenticationTokenTenant", "InvalidAuthenticationTokenAudience"}, "other-cloud", func(p *patient, _ error) []string {
		return []string{fmt.Sprintf("The token is for %s and tenant %s. If the workspace is in another cloud than %q, set cloud to it: public, usgov or china.",
			or(p.claims.Audience, "an unknown service"), or(p.claims.Tenant, "unknown"), p.access.Cloud),
			"If it is in another tenant, use an application of that tenant."}
	}},
	{http.StatusUnauthorized, nil, "token", func(p *patient, _ error) []string {
		together := "See that cloud, endpoint and authority of the workspace and tenant_id of the credential belong together."
		if p.offset.Abs() > clockTolerance { // which makes good tokens invalid
			return []string{p.setClock(), together}
		}
		return []string{together}
	}},
	{http.StatusForbidden, nil, "role", roleAdvice},
	{http.StatusNotFound, nil, "workspace-id", func(p *patient, _ error) []string {
		return []string{"Use the workspace's id, a GUID (customerId), not its name or resource id. The ids of this subscription's workspaces:\n" + workspaceList,
			fmt.Sprintf("If it is there, see that cloud (%s) and endpoint are the workspace's.", p.access.Cloud)}
	}},
	{http.StatusProxyAuthRequired, nil, "proxy", func(*patient, error) []string { return proxyPassword().advice }},
	{http.StatusTooManyRequests, nil, "throttled", func(*patient, error) []string {
		return []string{"Something else asks with the same identity: wait a minute, or give kustash an application of its own."}
	}},
	{http.StatusNoContent, nil, "table", func(*patient, error) []string {
		return []string{"The workspace has no data yet: connect a source, or see whether workspace_id is that of the right workspace:\n" + workspaceList}
	}},
	{0, []string{"SEM0100"}, "table", func(*patient, error) []string {
		return []string{"Correct the name that the message quotes. The tables and columns that there are:\nkustash tables"}
	}},
	{http.StatusBadRequest, nil, "query", func(*patient, error) []string {
		return []string{"Correct the query at the place that the message names, and try it:\nkustash query 'KQL'"}
	}},
}

const workspaceList = `az monitor log-analytics workspace list --query "[].{name:name,id:customerId}" --output table`

// refused explains why the service does not answer a query.
func (p *patient) refused(err error) outcome {
	f := outcome{status: failed, detail: err.Error()}
	a, ok := loganalytics.AnswerOf(err)
	if !ok {
		f.help, f.advice = "connect", []string{"Try again. If it stays, look at the network between this machine and " + p.access.Endpoint + "."}
		return f
	}
	for _, c := range answerCauses {
		if (c.status == 0 || c.status == a.Status) && (len(c.codes) == 0 || a.Has(c.codes...)) {
			f.help, f.advice = c.help, c.advice(p, err)
			if other := p.readable[p.access.Principal]; other != "" && other != p.address {
				f.facts = []string{"The same identity can query " + other + ", so the credential is right: it is this workspace that is closed to it."}
			}
			return f
		}
	}
	f.advice = []string{"Try again in some minutes."}
	return f
}

var resourceID = regexp.MustCompile(`(?i)/subscriptions/[^\s'")]+`)

// resource returns the resource id of the workspace, or the command that
// prints it.
func (p *patient) resource(err error) string {
	if found := resourceID.FindString(err.Error()); found != "" {
		return found
	}
	if strings.HasPrefix(p.access.Workspace, "/") {
		return p.access.Workspace
	}
	return fmt.Sprintf(`"$(az monitor log-analytics workspace list --query "[?customerId=='%s'].id" --output tsv)"`, p.access.Workspace)
}

func networkAdvice(p *patient, err error) []string {
	return []string{
		"A role does not help here. Run kustash from a network that the workspace lets in: through its private link, or from an address that its network security perimeter allows.",
		"Or let queries in from public networks, if that is allowed to be:\naz resource update --ids " + p.resource(err) + " --set properties.publicNetworkAccessForQuery=Enabled",
	}
}

// roleAdvice tells apart what the service answers in the same way.
func roleAdvice(p *patient, err error) []string {
	kind, object := "ServicePrincipal", p.claims.Object
	if p.claims.Person() {
		kind = "User"
	}
	if object == "" {
		object = fmt.Sprintf(`"$(az ad sp show --id %s --query id --output tsv)"`, p.client())
	}
	create := fmt.Sprintf("az role assignment create --assignee-object-id %s --assignee-principal-type %s --role \"Log Analytics Reader\" --scope %s",
		object, kind, p.resource(err))
	if name, ok := azureClouds[p.access.Cloud]; ok {
		create = "az cloud set --name " + name + "\n" + create
	}
	return []string{
		"Role missing: give Log Analytics Reader on the workspace to the object " + or(p.claims.Object, "of the application") + ":\n" + create,
		"Role still spreading: if it was given in the last 60 minutes, wait and run doctor again. To see what is given:\naz role assignment list --assignee " + object + " --all --output table",
		"Wrong workspace: if " + p.access.Workspace + " is not in this list, workspace_id is not the id of your workspace:\n" + workspaceList,
	}
}

// azureClouds are the names that the az command has for clouds other than the
// public one.
var azureClouds = map[string]string{"usgov": "AzureUSGovernment", "china": "AzureChinaCloud"}

// isMissing reports whether the service does not know a name of the query.
func isMissing(err error) bool {
	a, ok := loganalytics.AnswerOf(err)
	return ok && a.Has("SEM0100")
}

// noTable explains why a table cannot be read.
func (p *patient) noTable(ctx context.Context, err error, name string, mayMiss bool) outcome {
	if !isMissing(err) {
		return p.refused(err)
	}
	f := outcome{status: failed, help: "table", detail: "the workspace knows no table of this name that it would show to this credential." +
		config.DidYouMean(name, p.names(ctx))}
	if mayMiss {
		f.status, f.detail = warned, f.detail+" missing_table says to leave it out until there is one"
		return f
	}
	f.advice = []string{
		"Misspelled: the tables that there are, upper and lower case as they must be written:\nkustash tables",
		"Empty: a table comes with its first rows. If they are still to come, set missing_table = \"skip\" in the query.",
		"Not readable: a role on single tables must allow Microsoft.OperationalInsights/workspaces/query/" + name + "/read; Log Analytics Reader on the workspace allows all.",
	}
	if len(p.tables) > 0 {
		f.facts = append(f.facts, "readable here: "+strings.Join(p.tables, ", "))
	}
	return f
}

// names returns what a misspelled name may mean.
func (p *patient) names(ctx context.Context) []string {
	if tables, err := p.source.Tables(ctx); err == nil {
		var all []string
		for _, t := range tables {
			all = append(all, t.Name)
		}
		return all
	}
	return append(slices.Clone(commonTables), p.tables...)
}

// commonTables are what a misspelled name is likely to mean where the list of
// tables cannot be read.
var commonTables = []string{
	"AADManagedIdentitySignInLogs", "AADNonInteractiveUserSignInLogs", "AADServicePrincipalSignInLogs", "AuditLogs",
	"AWSCloudTrail", "AzureActivity", "AzureDiagnostics", "AzureMetrics", "BehaviorAnalytics", "CloudAppEvents",
	"CommonSecurityLog", "DeviceEvents", "DeviceFileEvents", "DeviceLogonEvents", "DeviceNetworkEvents", "DeviceProcessEvents",
	"DnsEvents", "EmailEvents", "Event", "Heartbeat", "IdentityInfo", "IdentityLogonEvents", "LAQueryLogs", "OfficeActivity",
	"Perf", "SecurityAlert", "SecurityEvent", "SecurityIncident", "SigninLogs", "StorageBlobLogs", "Syslog",
	"ThreatIntelligenceIndicator", "Usage", "W3CIISLog", "Watchlist", "WindowsEvent",
}

// or returns the first text, or the second if that is empty.
func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
