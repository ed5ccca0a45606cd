// Package emulator is the Log Analytics query service in process: token
// endpoint, query, search and metadata routes, limits, wording and faults, over
// tables that a test or a folder brings along.
//
// New returns an http.Handler. A test of a pipeline mounts it under a loopback
// server and points both addresses of the workspace at it:
//
//	data, err := emulator.LoadDataset("testdata/tables") // TABLE.json, TABLE.jsonl
//	if err != nil {
//		t.Fatal(err)
//	}
//	service, err := emulator.New(emulator.Config{Data: data})
//	if err != nil {
//		t.Fatal(err)
//	}
//	server := httptest.NewServer(service)
//	defer server.Close()
//	// workspace "soc" {
//	//   workspace_id = emulator.DemoWorkspaceID
//	//   endpoint     = server.URL
//	//   authority    = server.URL
//	// }
//
// with the credential DemoTenantID, DemoClientID and DemoClientSecret. Limits,
// the ends of timespan, faults and the clock are fields of Config; plan,
// retention and the kind of ids of a table are set by Dataset.Configure; rows
// that arrive late are added with Dataset.Append while the server runs, or wait
// for the clock with Config.HoldBack; Dataset.Alter changes the columns of a
// table that is served; WriteDemo makes a folder of sample tables.
//
// # What is emulated
//
// The wire: status codes, headers, bodies byte for byte where a body has been
// recorded, gzip, truncation, throttling, the cache of replies. The routes are
//
//	/v1/workspaces/{id}/query      POST and GET, further workspaces by GUID, name or resource id
//	/v1/workspaces/{id}/search     for tables of the Basic and Auxiliary plans, with its own rules
//	/v1/workspaces/{id}/metadata   tables with their time columns, saved functions
//	/v1/{resource id}/query        the rows of one Azure resource in all workspaces
//	/{tenant}/oauth2/...           and what else issues tokens: see token.go and discovery.go
//
// The query language is that of package kql, with saved functions and
// workspace("..."). What nobody has recorded is a setting, so that a client can
// be held against each answer that is possible: Config.TimespanEnds,
// SearchTime, WholeStatistics, FuzzyWarnings, NoContent and Shrink, Limits.GatewayStatus,
// GatewayCode, RetryAfter and CountBy, TableOptions.ItemID.
//
// # What is not
//
// The routes of Azure Resource Manager, of Azure Data Explorer and of batches;
// app() and resource() in a query; externaldata, which would leave the machine;
// rights on single tables; the workspace's own log of queries. The engine's run
// time and memory are what Limits.RowsPerSecond and MemoryRows make of the
// number of rows. Nothing leaves the process, tokens are worthless elsewhere,
// and nothing here protects anything.
package emulator
