package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// resource serves the queries of one Azure resource: the rows of all readable
// workspaces whose _ResourceId is the resource or lies in it. A workspace's own
// id means the workspace. What cannot be read is left out without a word
// (Microsoft's page on querying logs of Azure resources).
func (x *exchange) resource(id, route string) *failure {
	x.dataHeaders()
	if route != "query" || x.r.Method != http.MethodGet && x.r.Method != http.MethodPost {
		return pathNotFound()
	}
	x.seen.Route, x.seen.Workspace = route, id
	p, failed := x.authenticate()
	if failed != nil {
		return failed
	}
	x.seen.Principal = p.ClientID
	s := reach{resource: strings.ToLower(id)}
	if guid, ok := x.e.workspaceID(id); ok {
		s.workspaces, s.resource = []string{guid}, ""
	} else if s.workspaces = x.e.holders(s.resource); len(s.workspaces) == 0 {
		if !x.e.knows(s.resource) {
			return resourceNotFound(id)
		}
		s.workspaces = slices.Sorted(maps.Keys(x.e.workspaces))
	}
	if failed := x.authorize(p, id); failed != nil {
		return failed
	}
	if s.resource == "" && x.e.unreadable[s.workspaces[0]] {
		return insufficient("", "")
	}
	if !x.e.rate.allow(x.e.config.Now(), x.callers(p.ClientID)...) {
		return throttled()
	}
	return x.query(s, p.ClientID)
}

func resourceNotFound(id string) *failure {
	return &failure{status: 404, Code: "ResourceNotFoundError", Message: "The resource " + id + " was not found"}
}

// knows reports whether a resource without rows exists.
func (e *Emulator) knows(resource string) bool {
	return slices.ContainsFunc(e.config.Resources, func(id string) bool { return strings.EqualFold(id, resource) })
}

// holders returns the workspaces that have rows of a resource, sorted.
func (e *Emulator) holders(resource string) []string {
	var found []string
	for guid, data := range e.workspaces {
		for id := range data.snapshot().resourceIDs() {
			if ownedBy(id, resource) {
				found = append(found, guid)
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// resourceIDs are all values of _ResourceId, in lower case.
func (s *snapshot) resourceIDs() map[string]bool {
	s.known.Do(func() {
		s.resources = make(map[string]bool)
		for _, t := range s.tables {
			at := slices.IndexFunc(t.Columns, named("_ResourceId"))
			for _, row := range t.Rows {
				if at < 0 {
					break
				}
				if id, ok := row[at].(string); ok && id != "" {
					s.resources[strings.ToLower(id)] = true
				}
			}
		}
	})
	return s.resources
}

// workspaceID finds a workspace by its GUID, its name, subscription/group/name
// or its resource id, and returns its GUID in lower case.
func (e *Emulator) workspaceID(name string) (string, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	parts := strings.Split(name, "/")
	last := len(parts) - 1
	switch {
	case last > 1 && parts[0] == "" && parts[last-1] == "workspaces", last == 2 && parts[0] != "":
		name = parts[last]
	case last > 0:
		return "", false
	}
	if guid, ok := e.names[name]; ok {
		return guid, true
	}
	_, ok := e.workspaces[name]
	return name, ok
}

// nameOf returns the name of a workspace: what Config.Names gives it, or else
// its GUID.
func (e *Emulator) nameOf(guid string) string {
	for id, name := range e.config.Names {
		if strings.EqualFold(id, guid) {
			return name
		}
	}
	return guid
}

// reach is what a request covers: workspaces by GUID in lower case, and of
// their rows those of a resource, or all if it is "".
type reach struct {
	workspaces []string
	resource   string
}

// readable returns the data of the workspaces, each once, without those that
// nobody may read and those that a fault hides.
func (e *Emulator) readable(r reach, hidden string) []*Dataset {
	var sets []*Dataset
	for _, guid := range r.workspaces {
		data := e.workspaces[guid]
		if !e.unreadable[guid] && !strings.Contains(strings.ToLower(hidden), guid) && !slices.Contains(sets, data) {
			sets = append(sets, data)
		}
	}
	return sets
}

// permissionsBody is what include-permissions adds to an answer.
type permissionsBody struct {
	Resources   []permittedResource `json:"resources"`
	DataSources []permittedSource   `json:"dataSources"`
}

type permittedResource struct {
	ResourceID  string   `json:"resourceId"`
	DataSources []string `json:"dataSources"`
}

type permittedSource struct {
	ResourceID string `json:"resourceId"`
}

// sourceBody is an entry of what include-dataSources adds. No page shows it.
type sourceBody struct {
	ResourceID string   `json:"resourceId"`
	Region     string   `json:"region"`
	Tables     []string `json:"tables"`
}

// permissions names all workspaces that hold the resource and those of them
// that the caller can read.
func (x *exchange) permissions(s reach) permissionsBody {
	own := s.resource
	if own == "" {
		own = resourceID(x.e.nameOf(s.workspaces[0]))
	}
	all := permittedResource{ResourceID: own, DataSources: []string{}}
	p := permissionsBody{DataSources: []permittedSource{}}
	for _, guid := range s.workspaces {
		id := resourceID(x.e.nameOf(guid))
		all.DataSources = append(all.DataSources, id)
		if !x.e.unreadable[guid] {
			p.DataSources = append(p.DataSources, permittedSource{id})
		}
	}
	p.Resources = []permittedResource{all}
	return p
}

func (x *exchange) dataSources(s reach, tables []string) []sourceBody {
	list := []sourceBody{}
	for _, guid := range s.workspaces {
		has := x.e.workspaces[guid].snapshot().tables
		mine := slices.DeleteFunc(slices.Clone(tables), func(name string) bool { return has[name] == (*kql.Table)(nil) })
		if !x.e.unreadable[guid] {
			list = append(list, sourceBody{resourceID(x.e.nameOf(guid)), "emulated", mine})
		}
	}
	return list
}
