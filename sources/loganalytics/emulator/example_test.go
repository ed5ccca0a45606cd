package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// A program of one's own is pointed at the emulator in place of the service.
func Example() {
	data := emulator.NewDataset()
	_ = data.Add(&kql.Table{Name: "Signins_CL", Columns: []kql.Column{
		{Name: "TimeGenerated", Type: pipeline.Datetime}, {Name: "User", Type: pipeline.String}}})
	_ = data.Append("Signins_CL", emulator.Row{"TimeGenerated": "2026-01-01T08:00:00.1234567Z", "User": "user01"})
	service, err := emulator.New(emulator.Config{
		Data: data,
		// The second query meets a tired gateway.
		Faults: []emulator.Fault{{
			Match:  emulator.Match{Nth: 2},
			Action: emulator.Action{Status: http.StatusBadGateway, Body: "<html>try again</html>"},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(service)
	defer server.Close()

	login := clientcredentials.Config{
		ClientID:     emulator.DemoClientID,
		ClientSecret: emulator.DemoClientSecret,
		TokenURL:     server.URL + "/" + emulator.DemoTenantID + "/oauth2/v2.0/token",
		Scopes:       []string{"https://api.loganalytics.io/.default"},
	}
	client := login.Client(context.Background())
	for range 2 {
		answer, err := client.Post(server.URL+"/v1/workspaces/"+emulator.DemoWorkspaceID+"/query", "application/json",
			strings.NewReader(`{"query":"Signins_CL","timespan":"2026-01-01/P1D"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, string(body))
	}
	// Output:
	// 200 {"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"User","type":"string"}],"rows":[["2026-01-01T08:00:00.1234567Z","user01"]]}]}
	// 502 <html>try again</html>
}
