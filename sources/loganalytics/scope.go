package loganalytics

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	guid          = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	workspaceName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{2,61}[0-9A-Za-z]$`)
)

// maxWorkspaces is how many workspaces one query may read, with its own
// (https://learn.microsoft.com/azure/azure-monitor/service-limits).
const maxWorkspaces = 100

// checkScope finds out what is read and by which route.
func (s *settings) checkScope() error {
	c := &s.Config
	switch {
	case c.WorkspaceID != "" && c.ResourceID != "":
		return setting("resource_id", "the block names a workspace with workspace_id already; keep one of both")
	case c.ResourceID != "":
		segments, err := resourcePath(c.ResourceID)
		if err != nil {
			return setting("resource_id", "%w", err)
		}
		s.scope = strings.ToLower("/" + strings.Join(segments, "/"))
		s.route = resourceRoute(segments)
	case c.WorkspaceID == "":
		return setting("workspace_id", "the block says nothing of what to read; give workspace_id, the id (a GUID) on the workspace's overview page, or resource_id")
	case c.WorkspaceID == demoWorkspace:
		s.scope, s.route = c.WorkspaceID, workspaceRoute(c.WorkspaceID)
	case !guid.MatchString(c.WorkspaceID):
		return setting("workspace_id", "%q is not a workspace id; use the id (a GUID, on the workspace's overview page), not the name or the resource id", c.WorkspaceID)
	default:
		c.WorkspaceID = strings.ToLower(c.WorkspaceID)
		s.scope = c.WorkspaceID
		s.route = workspaceRoute(s.scope)
	}
	return s.checkAdditional()
}

func workspaceRoute(id string) string { return "/v1/workspaces/" + id }

func resourceRoute(segments []string) string {
	route := "/v1"
	for _, segment := range segments {
		route += "/" + url.PathEscape(segment)
	}
	return route
}

// resourcePath cuts the id of a resource, a group of resources or a
// subscription into its segments
// (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).
func resourcePath(id string) ([]string, error) {
	const form = "use a resource id such as /subscriptions/GUID/resourceGroups/NAME/providers/NAMESPACE/TYPE/NAME, as \"JSON View\" on the resource's overview page shows it"
	segments := strings.Split(strings.TrimPrefix(id, "/"), "/")
	bad := func(s string) bool {
		return strings.TrimSpace(s) != s || s == "" || s == "." || s == ".." || strings.ContainsAny(s, "?#%\\\t\r\n")
	}
	switch {
	case slices.ContainsFunc(segments, bad):
		return nil, fmt.Errorf("%q has a segment that is empty or holds what no id does; %s", id, form)
	case !strings.EqualFold(segments[0], "subscriptions"):
		return nil, fmt.Errorf("%q does not begin with /subscriptions/; %s", id, form)
	case len(segments) < 2 || !guid.MatchString(segments[1]):
		return nil, fmt.Errorf("%q does not name its subscription by a GUID; %s", id, form)
	}
	rest := segments[2:]
	if len(rest) >= 2 && strings.EqualFold(rest[0], "resourceGroups") {
		rest = rest[2:]
	}
	for len(rest) > 0 {
		next := 1 + slices.IndexFunc(rest[1:], func(s string) bool { return strings.EqualFold(s, "providers") })
		if next == 0 {
			next = len(rest)
		}
		// providers, namespace, then pairs of type and name
		if !strings.EqualFold(rest[0], "providers") || next < 4 || next%2 != 0 {
			return nil, fmt.Errorf("%q is not made of providers, a namespace and pairs of a type and a name; %s", id, form)
		}
		rest = rest[next:]
	}
	return segments, nil
}

// checkAdditional accepts what the service does: ids, names and resource ids.
func (s *settings) checkAdditional() error {
	const name = "additional_workspaces"
	seen := map[string]bool{s.scope: true}
	kept := make([]string, 0, len(s.Additional))
	for _, one := range s.Additional {
		key, route := strings.ToLower(one), ""
		switch {
		case strings.Contains(one, "/"):
			segments, err := resourcePath(one)
			if err != nil {
				return setting(name, "%w", err)
			}
			one, route = "/"+strings.Join(segments, "/"), resourceRoute(segments)
			key = strings.ToLower(one)
		case guid.MatchString(one):
			one, route = key, workspaceRoute(key)
		case !workspaceName.MatchString(one):
			return setting(name, "%q is neither the id (a GUID), the name nor the resource id of a workspace", one)
		}
		if seen[key] {
			return setting(name, "%q is named twice, and its rows would be read twice", one)
		}
		seen[key] = true
		kept = append(kept, one)
		s.moreRoutes = append(s.moreRoutes, route)
	}
	if len(kept) >= maxWorkspaces {
		return setting(name, "with these a query would read %d workspaces, and the service allows %d; declare a second workspace block", len(kept)+1, maxWorkspaces)
	}
	if len(kept) > 0 {
		s.Additional = kept
	}
	return nil
}
