package main

import (
	"context"
	"encoding/json"
	"runtime"
	"runtime/debug"
)

// version is set by release builds; others take it from the build's metadata.
var version string

// tool names the program and its version, as files and the ledger record it.
func tool() string { return "kustash " + toolVersion() }

func toolVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

var versionVerb = verb{
	name:  "version",
	brief: "print the version",
	usage: "version [-json]",
	help:  "Prints the version of kustash.",
	run: func(_ context.Context, p *process, v *verb, args []string) (int, error) {
		f := p.flags(v)
		asJSON := f.Bool("json", false, "as a JSON object")
		if _, err := p.parse(f, v, args, 0); err != nil {
			return 0, err
		}
		platform := runtime.GOOS + "_" + runtime.GOARCH
		if *asJSON {
			return exitDone, json.NewEncoder(p.stdout).Encode(map[string]string{
				"format_version": formatVersion, "version": toolVersion(), "platform": platform})
		}
		p.printf("%s\non %s\n", tool(), platform)
		return exitDone, nil
	},
}
