package loganalytics

// cloud is where one of Azure's clouds answers queries and issues tokens
// (https://learn.microsoft.com/azure/azure-monitor/logs/api/access-api).
type cloud struct {
	endpoint  string
	audience  string
	authority string
}

var clouds = map[string]cloud{
	"public": {
		endpoint:  "https://api.loganalytics.io",
		audience:  "https://api.loganalytics.io",
		authority: "https://login.microsoftonline.com",
	},
	"usgov": {
		endpoint:  "https://api.loganalytics.us",
		audience:  "https://api.loganalytics.us",
		authority: "https://login.microsoftonline.us",
	},
	"china": {
		endpoint:  "https://api.loganalytics.azure.cn",
		audience:  "https://api.loganalytics.azure.cn",
		authority: "https://login.partner.microsoftonline.cn",
	},
}
