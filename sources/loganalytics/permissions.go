package loganalytics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// permissions is the part of an answer that says what the credential may not
// read. Without asking for it such rows are missing without a word
// (https://learn.microsoft.com/azure/azure-monitor/logs/api/azure-resource-queries).
type permissions struct {
	Resources []struct {
		ResourceID  string   `json:"resourceId"`
		DenyTables  []string `json:"denyTables"`
		DataSources []string `json:"dataSources"` // workspaces that hold its logs
	} `json:"resources"`
	DataSources []struct { // workspaces that may be read
		ResourceID string   `json:"resourceId"`
		DenyTables []string `json:"denyTables"`
	} `json:"dataSources"`
}

// parsePermissions reads the value of "permissions". One of another shape is
// an error: what it hides is not known.
func parsePermissions(raw []byte) (*permissions, error) {
	var p *permissions
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("the permissions are not understood: %w", err)
	}
	return p, nil
}

// customTables stands for all tables whose name ends in _CL.
const customTables = "Tables.Custom"

// hidden returns why an answer to text lacks rows; "" if it does not.
func (p *permissions) hidden(text string) string {
	readable := make(map[string]bool)
	for _, d := range p.DataSources {
		readable[strings.ToLower(d.ResourceID)] = true
		if why := forbidden(d.ResourceID, d.DenyTables, text); why != "" {
			return why
		}
	}
	for _, r := range p.Resources {
		for _, d := range r.DataSources {
			if !readable[strings.ToLower(d)] {
				return fmt.Sprintf("rows of %s lie in the workspace %s, which this credential may not read, so the answer lacks them; "+
					"give the credential the role Log Analytics Reader there", r.ResourceID, d)
			}
		}
		if why := forbidden(r.ResourceID, r.DenyTables, text); why != "" {
			return why
		}
	}
	return ""
}

// forbidden returns why tables that may not be read matter to text: it reads
// them, or more than the names in it tell.
func forbidden(where string, tables []string, text string) string {
	if len(tables) == 0 {
		return ""
	}
	names, all := namesOf(text)
	i := slices.IndexFunc(tables, func(t string) bool {
		if !all {
			return true
		}
		return slices.ContainsFunc(names, func(n string) bool {
			return strings.EqualFold(n, t) || t == customTables && strings.HasSuffix(strings.ToUpper(n), "_CL")
		})
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("the credential may not read the table %s of %s, so the answer lacks its rows; give the credential a role that covers the table", tables[i], where)
}

// namesOf returns the names that a text reads rows from; all is false if it
// reads more than those.
func namesOf(text string) (names []string, all bool) {
	s := newScript(text)
	if _, ok := s.broken(); ok {
		return nil, false
	}
	w := walk(s)
	for _, r := range w.reads {
		if !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return names, len(w.loose) == 0
}
