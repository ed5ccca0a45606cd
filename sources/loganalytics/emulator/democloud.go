package emulator

import (
	"fmt"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

func (g *generator) signinLog(at pipeline.Tick) Row {
	account, display := g.user()
	failed := g.chance(6)
	code, text := "0", ""
	if failed {
		code, text = "50126", "Error validating credentials due to invalid username or password."
	}
	address := g.ip()
	row := Row{
		"SourceSystem": "Azure AD", "AADTenantId": DemoTenantID, "OperationName": "Sign-in activity", "OperationVersion": "1.0",
		"Category": "SignInLogs", "ResultType": code, "ResultDescription": text, "DurationMs": g.IntN(900), "CorrelationId": g.guid(),
		"Identity": display, "UserDisplayName": display, "UserPrincipalName": account + "@contoso.example", "UserId": g.guid(),
		"Id": g.guid(), "AppDisplayName": pickOne(g, demoApps), "AppId": g.guid(), "IPAddress": address, "Level": "4",
		"Location": pickOne(g, []string{"DE", "FR", "US", "JP", ""}), "ClientAppUsed": "Browser", "CreatedDateTime": at,
		"IsInteractive": true, "AuthenticationRequirement": pickOne(g, []string{"singleFactorAuthentication", "multiFactorAuthentication"}),
		"AuthenticationDetails":   fmt.Sprintf("[\n  {\n    \"authenticationMethod\": \"Password\",\n    \"succeeded\": %t\n  }\n]", !failed),
		"ConditionalAccessStatus": "notApplied", "RiskState": "none", "RiskLevelDuringSignIn": "none", "UserType": "Member",
		"Status":          object("errorCode", code, "failureReason", text, "additionalDetails", g.odd()),
		"LocationDetails": object("city", pickOne(g, []string{"Berlin", "Zürich", "東京", "São Paulo"}), "geoCoordinates", object("latitude", 52.5, "longitude", 13.4)),
		"DeviceDetail":    object("deviceId", "", "operatingSystem", "Windows 11", "browser", "Edge 128.0"),
		"UserAgent":       `Mozilla/5.0 (Windows NT 10.0; Win64; x64), "demo"`, "ResourceDisplayName": "Microsoft Graph",
		"TokenIssuerType": "AzureAD", "UniqueTokenIdentifier": g.hex(11), "ProcessingTimeInMilliseconds": fmt.Sprint(g.IntN(400)),
	}
	if g.chance(3) {
		row["IsRisky"], row["FlaggedForReview"] = g.chance(9), false
	}
	if g.chance(4) {
		row["ConditionalAccessPolicies"] = g.big(600)
	}
	if g.chance(8) {
		row["MfaDetail"] = kql.Dynamic("Mobile app notification") // a scalar text comes bare
	}
	return row
}

func (g *generator) auditLog(at pipeline.Tick) Row {
	account, display := g.user()
	activity := pickOne(g, []string{"Add user", "Update user", "Add member to role", "Update application", "Consent to application"})
	size := 300
	if g.n%200 == 77 {
		size = 20_000 + g.IntN(40_000)
	}
	return Row{
		"SourceSystem": "Azure AD", "AADTenantId": DemoTenantID, "AADOperationType": "Update", "ActivityDateTime": at,
		"ActivityDisplayName": activity, "OperationName": activity, "Category": "UserManagement", "CorrelationId": g.guid(), "Id": g.guid(),
		"Identity": display, "Level": "4", "LoggedByService": "Core Directory", "Result": pickOne(g, []string{"success", "success", "failure"}),
		"ResultReason": "", "DurationMs": 0, "Resource": "Microsoft.aadiam", "ResourceGroup": "Microsoft.aadiam",
		"InitiatedBy":     object("user", object("userPrincipalName", account+"@contoso.example", "displayName", display, "ipAddress", g.ip())),
		"TargetResources": g.big(size),
		"AdditionalDetails": list(object("key", "User-Agent", "value", "demo/1.0"),
			object("key", "Note", "value", g.odd())),
	}
}

func (g *generator) azureActivity(at pipeline.Tick) Row {
	account, _ := g.user()
	operation := pickOne(g, []string{"Microsoft.Compute/virtualMachines/start/action", "Microsoft.Storage/storageAccounts/listKeys/action",
		"Microsoft.Resources/deployments/write", "Microsoft.KeyVault/vaults/write"})
	resource := "/subscriptions/" + DemoTenantID + "/resourcegroups/demo/providers/microsoft.compute/virtualmachines/vm" + fmt.Sprint(g.IntN(12))
	properties := object("eventCategory", "Administrative", "entity", resource, "message", operation, "hierarchy", DemoTenantID)
	if g.n%120 == 60 {
		properties = object("requestbody", string(g.big(25_000+g.IntN(20_000))))
	}
	claims := object("aud", "https://management.example.com/", "appid", g.guid(), "name", account)
	return Row{
		"SourceSystem": "Azure", "OperationNameValue": operation, "OperationName": operation, "Level": pickOne(g, []string{"Informational", "Warning", "Error"}),
		"ActivityStatusValue": pickOne(g, []string{"Start", "Success", "Failure"}), "ActivityStatus": "", "Caller": account + "@contoso.example",
		"CallerIpAddress": g.ip(), "CategoryValue": "Administrative", "Category": "Administrative", "CorrelationId": g.guid(),
		"EventDataId": g.guid(), "OperationId": g.guid(), "EventSubmissionTimestamp": at, "ResourceGroup": "DEMO",
		"ResourceProviderValue": "MICROSOFT.COMPUTE", "ResourceId": resource, "_ResourceId": resource, "SubscriptionId": DemoTenantID,
		"_SubscriptionId": DemoTenantID, "Properties": string(properties), "Properties_d": properties,
		"Claims": string(claims), "Claims_d": claims, "HTTPRequest": string(object("clientIpAddress", g.ip(), "method", "POST")),
		"Authorization": "{\r\n  \"action\": \"" + operation + "\"\r\n}", "Hierarchy": DemoTenantID + "/demo",
	}
}

func (g *generator) securityAlert(at pipeline.Tick) Row {
	name := pickOne(g, []string{"Impossible travel", "Mass download", "Suspicious process 🦊", "Brute force, repeated", `Rule "night" fired`})
	host := pickOne(g, demoHosts)
	row := Row{
		"SourceSystem": "Detection", "AlertName": name, "DisplayName": name, "AlertSeverity": pickOne(g, []string{"Low", "Medium", "High", "Informational"}),
		"AlertType": "demo_" + g.guid(), "Description": "Demo alert.\n\n" + g.odd(), "ProviderName": "ASI Scheduled Alerts", "VendorName": "Contoso",
		"ProductName": "Azure Sentinel", "ProductComponentName": "Scheduled Alerts", "SystemAlertId": g.guid(), "VendorOriginalId": g.guid(),
		"CompromisedEntity": host, "StartTime": at - pipeline.Tick(5*ticksHour), "EndTime": at, "ProcessingEndTime": at + 12345,
		"IsIncident": false, "Status": "New", "Tactics": "InitialAccess, Persistence", "Techniques": `["T1078"]`,
		"Entities":           string(list(object("$id", "3", "HostName", host, "Type", "host"), object("$id", "4", "Address", g.ip(), "Type", "ip"))),
		"ExtendedProperties": string(object("Query", "set query_now = datetime(2026-01-01T00:00:00Z);\nSecurityEvent\n| where EventID == 4625", "Trigger Threshold", "200")),
		"RemediationSteps":   "", "WorkspaceSubscriptionId": DemoTenantID, "WorkspaceResourceGroup": "demo",
	}
	if g.chance(3) {
		row["ConfidenceScore"], row["ConfidenceLevel"] = g.Float64(), "High"
	}
	return row
}
