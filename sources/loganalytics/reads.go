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
		return w.table()
	}
	first := w.at(p.from)
	rest := part{p.from + 1, p.to}
	switch first {
	case "union":
		return w.union(rest)
	case "search", "find":
		return w.search(p)
	case "print", "range", "datatable", "externaldata", "external_data", "_GetWatchlist":
		w.scalar(rest)
		return shape{kind: isConstant}
	case "materialize":
		if w.in(rest, rest.from) == "(" && w.after(rest.from) == p.to {
			return w.pipe(w.inside(rest.from))
		}
	case "toscalar":
		w.scalar(p)
		return shape{}
	}
	return w.call(p)
}

// used returns the shape of a defined name where rows are expected.
func (w *walker) used(p part, name string, s shape) shape {
	switch s.kind {
	case isUnknown:
		return w.table() // it has been said where the function is called
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
	switch name {
	case "adx", "arg", "cluster", "database", "external_table":
		w.loose = append(w.loose, p)
		return w.refuse(p, "Table out of reach", "No window reaches what %s(...) names, so every slice would return all of it.", name)
	case "table", "workspace", "app", "resource":
		w.loose = append(w.loose, p)
		w.warn(p, "Table elsewhere", "The window cannot be put at what %s(...) names. %s", name, endsByColumn)
	default:
		if w.kind(p.from) != tokenName || w.in(p, p.from+1) != "(" || w.after(p.from+1) != p.to {
			w.loose = append(w.loose, p)
			return w.refuse(p, "Unknown source", "Whether this can be cut in time cannot be told.")
		}
		w.unreached(p, name)
	}
	return w.table()
}

// argument notes a name handed to a function that may be a table's.
func (w *walker) argument(p part) {
	bare := w.bare(p)
	name, end := w.name(bare, bare.from)
	if name == "" || end != bare.to {
		return
	}
	if s, ok := w.lookup(name); ok && s.kind == isValue {
		return
	}
	w.loose = append(w.loose, p)
	w.refuse(p, "Table as an argument", "%s may be a table, and what the function does with it cannot be told.", name)
}

// search walks search and find, which name tables in brackets or take all.
func (w *walker) search(p part) shape {
	word := part{p.from, p.from + 1}
	result := w.table()
	at := p.from + 1
	for w.in(p, at+1) == "=" {
		at += 3 // kind=case_sensitive, withsource=x
	}
	if w.in(p, at) == "in" && w.in(p, at+1) == "(" {
		for _, one := range w.split(w.inside(at+1), ",") {
			s := w.leg(one)
			w.constant(one, s)
			if s.kind != isRows {
				result.kind = isMixed
			}
		}
		at = w.after(at + 1)
	} else {
		w.loose = append(w.loose, p)
		w.warn(word, "Search", "%s without in (...) reads every table, where the window cannot be put. %s", w.at(p.from), endsByColumn)
	}
	rest := part{min(at, p.to), p.to}
	w.scalar(rest)
	w.filtered(rest)
	if w.at(p.from) == "find" {
		result.times = w.found(rest)
	}
	return result
}

// found returns the columns of a find that tell the time: it names those that
// it returns behind a project.
func (w *walker) found(p part) times {
	if i := w.find(p, "project"); i >= 0 {
		return w.projected(part{i + 1, p.to}, w.table().times)
	}
	return w.table().times
}

// union walks the legs of a union; piped is what is piped in, if anything.
func (w *walker) union(p part, piped ...shape) shape {
	source := ""
	for w.kind(p.from) == tokenName && (w.in(p, p.from+1) == "=" || w.in(p, p.from+1) == ".") {
		switch {
		case w.at(p.from) == "isfuzzy" && w.in(p, p.from+2) == "true":
			w.warn(part{p.from, p.from + 3}, "Fuzzy union", "A table that cannot be read is left out without an error.")
		case w.at(p.from) == "withsource" || w.at(p.from) == "with_source":
			source = w.in(p, p.from+2)
		}
		p.from += 2
		if w.at(p.from-1) == "=" {
			p.from++
		}
	}
	if w.perRow > 0 {
		w.refuse(p, "Second read", "A union within mv-apply adds all rows of a table, of which a slice holds a part, to those of one row.")
	}
	legs := piped
	for _, s := range piped {
		w.constant(p, s)
	}
	for _, leg := range w.split(p, ",") {
		s := w.leg(leg)
		w.constant(leg, s)
		legs = append(legs, s)
	}
	result := shape{kind: isRows, times: legs[0].times}
	for _, s := range legs {
		if s.kind != isRows {
			result.kind = isMixed
		}
		result.times = result.times.both(s.times)
	}
	result.times = result.times.without(source)
	return result
}

// constant refuses rows of no table among those of tables.
func (w *walker) constant(p part, s shape) {
	if s.kind == isConstant {
		w.refuse(p, "Constant rows in a union", "These rows come from no table, so every slice would return them again.")
	}
}

// leg walks one table of a list.
func (w *walker) leg(p part) shape {
	for i := p.from; i < p.to; i = w.after(i) {
		if w.at(i) == "*" {
			w.loose = append(w.loose, p)
			w.warn(p, "Tables by pattern", "Which tables a pattern names depends on the workspace, and the window cannot be put at them. %s", endsByColumn)
			return w.table()
		}
	}
	return w.source(p)
}
