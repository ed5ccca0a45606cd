package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline/config"
)

var completionVerb = verb{
	name:  "completion",
	brief: "print a completion script for bash, zsh or fish",
	usage: "completion bash|zsh|fish",
	help: `Prints a script that completes verbs, for example:

  kustash completion bash > /etc/bash_completion.d/kustash
  kustash completion zsh  > "${fpath[1]}/_kustash"
  kustash completion fish > ~/.config/fish/completions/kustash.fish`,
	run: runCompletion,
}

func runCompletion(_ context.Context, p *process, v *verb, args []string) (int, error) {
	f := p.flags(v)
	rest, err := p.parse(f, v, args, 1)
	if err != nil {
		return 0, err
	}
	if len(rest) == 0 {
		return 0, fmt.Errorf("completion needs the name of a shell: bash, zsh or fish")
	}
	var names []string
	for _, v := range p.verbs {
		names = append(names, v.name)
	}
	switch rest[0] {
	case "bash":
		p.printf("complete -o default -W %q kustash\n", strings.Join(names, " "))
	case "zsh":
		p.printf("#compdef kustash\n_arguments '1: :(%s)' '*: :_files'\n", strings.Join(names, " "))
	case "fish":
		for _, v := range p.verbs {
			p.printf("complete -c kustash -n __fish_use_subcommand -a %s -d %q\n", v.name, v.brief)
		}
	default:
		return 0, fmt.Errorf("there is no completion for %q;%s the shells are bash, zsh and fish", rest[0], config.DidYouMean(rest[0], []string{"bash", "zsh", "fish"}))
	}
	return exitDone, nil
}
