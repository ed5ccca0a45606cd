// Package emulator is the Log Analytics query service in process: token
// endpoint, query and metadata routes, limits, wording and faults, over tables
// that a test or a folder brings along.
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
// the ends of timespan, faults and the clock are fields of Config; rows that
// arrive late are added with Dataset.Append while the server runs; WriteDemo
// makes a folder of sample tables.
//
// What is emulated is the wire: status codes, headers, bodies byte for byte,
// truncation, throttling, caching. The query language is that of package kql.
// Nothing leaves the process, tokens are worthless elsewhere, and nothing here
// protects anything.
package emulator
