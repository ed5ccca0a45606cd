package loganalytics

// tableFunctions return rows.
var tableFunctions = map[string]bool{
	"datatable": true, "externaldata": true, "external_data": true, "materialize": true, "_GetWatchlist": true,
	"workspace": true, "app": true, "resource": true, "table": true, "cluster": true, "database": true,
	"adx": true, "arg": true, "external_table": true,
}

// sourceWords begin an expression that returns rows.
var sourceWords = map[string]bool{
	"union": true, "find": true, "search": true, "print": true, "range": true, "evaluate": true,
}

// isTabular reports whether p surely gives rows.
func (w *walker) isTabular(p part) bool {
	for !p.empty() && w.at(p.from) == "(" && w.after(p.from) == p.to {
		p = w.inside(p.from)
	}
	if p.empty() {
		return false
	}
	if w.find(p, "|") >= 0 {
		return true
	}
	first := w.at(p.from)
	switch {
	case w.kind(p.from) != tokenName || p.from+1 == p.to:
		return false
	case sourceWords[first]:
		return w.in(p, p.from+1) != "(" || first == "union"
	}
	return tableFunctions[first] && w.in(p, p.from+1) == "("
}

// pipe walks a source and the operators behind it.
func (w *walker) pipe(p part) shape {
	if w.depth++; w.depth > maxNesting {
		w.loose = append(w.loose, p)
		w.depth--
		return w.refuse(p, "Query too deep", "Brackets are nested deeper than %d levels.", maxNesting)
	}
	defer func() { w.depth-- }()
	var s shape
	for i, segment := range w.split(p, "|") {
		if i == 0 {
			s = w.source(segment)
		} else {
			s = w.operator(segment, s)
		}
	}
	return s
}

// source walks what stands before the first pipe.
func (w *walker) source(p part) shape {
	if p.empty() {
		return w.refuse(p, "Missing table", "Nothing stands where a table is expected.")
	}
	if w.at(p.from) == "(" && w.after(p.from) == p.to {
		return w.pipe(w.inside(p.from))
	}
	if name, end := w.name(p, p.from); name != "" && end == p.to {
		if s, ok := w.lookup(name); ok {
			return w.used(p, name, s)
		}
		w.reads = append(w.reads, read{name, p})
		return isRows
	}
	first := w.at(p.from)
	rest := part{p.from + 1, p.to}
	switch first {
	case "union":
		return w.union(rest, isRows)
	case "search", "find":
		return w.search(p)
	case "print", "range", "datatable", "externaldata", "external_data", "_GetWatchlist":
		w.scalar(rest)
		return isConstant
	case "materialize":
		if w.in(rest, rest.from) == "(" && w.after(rest.from) == p.to {
			return w.pipe(w.inside(rest.from))
		}
	case "toscalar":
		w.scalar(p)
		return isValue
	}
	return w.call(p)
}

// used returns the shape of a defined name where rows are expected.
func (w *walker) used(p part, name string, s shape) shape {
	switch s {
	case isUnknown:
		w.loose = append(w.loose, p)
		return w.refuse(p, "Function of the workspace", "%s comes from a function that the text does not define, so whether it can be cut in time cannot be told.", name)
	case isValue:
		w.loose = append(w.loose, p)
		return w.refuse(p, "Unknown source", "Whether %s can be cut in time cannot be told.", name)
	}
	return s
}

// call walks a source that is a function or a path to a table elsewhere.
func (w *walker) call(p part) shape {
	w.scalar(part{p.from + 1, p.to})
	name := w.at(p.from)
	if w.in(p, p.from+1) == "(" && w.after(p.from+1) == p.to && w.kind(p.from) == tokenName {
		if s, ok := w.lookup(name); ok {
			for _, argument := range w.split(w.inside(p.from+1), ",") {
				w.argument(argument)
			}
			return w.used(p, name, s)
		}
	}
	w.loose = append(w.loose, p)
	switch name {
	case "table", "workspace", "app", "resource", "database", "cluster", "adx", "arg":
		return w.refuse(p, "Table elsewhere", "No exact window reaches what %s(...) names.", name)
	}
	return w.refuse(p, "Function of the workspace", "%s is a function that the text does not define, so whether it can be cut in time cannot be told.", name)
}

// argument notes a name handed to a function that may be a table's.
func (w *walker) argument(p part) {
	name, end := w.name(p, p.from)
	if name == "" || end != p.to {
		return
	}
	if s, ok := w.lookup(name); ok && s == isValue {
		return
	}
	w.loose = append(w.loose, p)
	w.refuse(p, "Table as an argument", "%s may be a table, and what the function does with it cannot be told.", name)
}

// search walks search and find, which name tables in brackets or take all.
func (w *walker) search(p part) shape {
	at := p.from + 1
	for w.in(p, at+1) == "=" {
		at += 3 // kind=case_sensitive, withsource=x
	}
	if w.in(p, at) == "in" && w.in(p, at+1) == "(" {
		for _, one := range w.split(w.inside(at+1), ",") {
			w.leg(one)
		}
		at = w.after(at + 1)
	} else {
		w.loose = append(w.loose, p)
	}
	w.scalar(part{at, p.to})
	return w.refuse(part{p.from, p.from + 1}, "Search", "%s does not say which columns it returns, so that slices may not fit together.", w.at(p.from))
}

// union walks the legs of a union; input is the shape of what is piped in.
func (w *walker) union(p part, input shape) shape {
	for w.kind(p.from) == tokenName && (w.in(p, p.from+1) == "=" || w.in(p, p.from+1) == ".") {
		if w.at(p.from) == "isfuzzy" && w.in(p, p.from+2) == "true" {
			w.warn(part{p.from, p.from + 3}, "Fuzzy union", "A table that cannot be read is left out without an error.")
		}
		p.from += 2
		if w.at(p.from-1) == "=" {
			p.from++
		}
	}
	for _, leg := range w.split(p, ",") {
		if s := w.leg(leg); s != isRows {
			if s == isConstant {
				w.refuse(leg, "Constant rows in a union", "These rows come from no table, so every slice would return them again.")
			}
			input = isMixed
		}
	}
	return input
}

// leg walks one table of a list.
func (w *walker) leg(p part) shape {
	for i := p.from; i < p.to; i = w.after(i) {
		if w.at(i) == "*" {
			w.loose = append(w.loose, p)
			return w.refuse(p, "Tables by pattern", "Which tables a pattern names depends on the workspace, and no exact window reaches them.")
		}
	}
	return w.source(p)
}
