package azauth

import (
	"fmt"
	"strings"
)

// Env looks up a variable of the environment, as os.LookupEnv does.
type Env = func(name string) (value string, set bool)

// absent says that a credential is not set up here, which is no mistake as
// long as another way is.
type absent struct {
	short string
	next  string // step, for a credential that somebody wants
}

func (a *absent) Error() string { return a.short + a.next }

// firstFamily returns the values of the first family of variables that has
// them all. Families are never mixed: half of each would be an identity that
// nobody set up. what names the arguments that the variables stand for. The
// error is an *absent.
func firstFamily(env Env, what string, families ...[]string) ([]string, error) {
	var missing []string
	for i, names := range families {
		values := make([]string, len(names))
		complete := true
		for j, name := range names {
			if values[j] = lookUp(env, name); values[j] == "" {
				complete = false
				if i == 0 {
					missing = append(missing, name)
				}
			}
		}
		if complete {
			return values, nil
		}
	}
	return nil, &absent{"the environment lacks " + strings.Join(missing, ", "),
		fmt.Sprintf(" (the ARM_ variables would do as well), and %s are not set; set the arguments or the variables", what)}
}

// lookUp returns a variable, "" if it is not set or there is no environment.
func lookUp(env Env, name string) string {
	if env == nil {
		return ""
	}
	value, _ := env(name)
	return value
}
