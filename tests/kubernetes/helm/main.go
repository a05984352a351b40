// Does what `helm template`, `helm lint` and `kubectl kustomize` do, by their own libraries, and nothing else of them: what
// talks to a cluster takes most of the time that helm takes to compile.
//
//	charts template RELEASE CHART [-n NAMESPACE] [-f FILE]… [--set TEXT]… [--notes]
//	charts lint CHART [-f FILE]… [--set TEXT]…
//	charts kustomize FOLDER
//
// Exit code 1 and a line for each thing that is wrong.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }
func (t *texts) Set(text string) error {
	*t = append(*t, text)
	return nil
}

// Later files win over earlier ones, and --set over all.
func values(files, sets []string) (map[string]interface{}, error) {
	all := map[string]interface{}{}
	for _, file := range files {
		read, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = chartutil.CoalesceTables(read, all)
	}
	for _, set := range sets {
		if err := strvals.ParseInto(set, all); err != nil {
			return nil, fmt.Errorf("--set %s: %w", set, err)
		}
	}
	return all, nil
}

func template(release, folder, namespace string, given map[string]interface{}, notes bool) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, given, options, nil)
	if err != nil {
		return err
	}
	made, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	names := []string{}
	for name := range made {
		if strings.HasSuffix(name, "NOTES.txt") == notes && !strings.Contains(name, "/_") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if notes {
			fmt.Print(made[name])
		} else if strings.TrimSpace(made[name]) != "" {
			fmt.Printf("---\n# Source: %s\n%s\n", name, made[name])
		}
	}
	return nil
}

// Strictly: what is only advised counts, too.
func check(folder, namespace string, given map[string]interface{}) error {
	found := lint.All(folder, given, namespace, true)
	for _, message := range found.Messages {
		if message.Severity > support.UnknownSev {
			fmt.Fprintln(os.Stderr, message)
		}
	}
	if len(found.Messages) > 0 {
		return fmt.Errorf("%d things found in %s", len(found.Messages), folder)
	}
	return nil
}

func kustomize(folder string) error {
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	text, err := made.AsYaml()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func do(words []string) error {
	counts := map[string]int{"template": 2, "lint": 1, "kustomize": 1}
	if len(words) == 0 || len(words) <= counts[words[0]] || counts[words[0]] == 0 {
		return errors.New("usage: template RELEASE CHART | lint CHART | kustomize FOLDER")
	}
	count := counts[words[0]]
	named, options := words[1:1+count], flag.NewFlagSet(words[0], flag.ContinueOnError)
	var files, sets texts
	options.Var(&files, "f", "a file of values")
	options.Var(&sets, "set", "one value")
	namespace := options.String("n", "default", "the release's namespace")
	notes := options.Bool("notes", false, "print the notes alone")
	if err := options.Parse(words[1+count:]); err != nil {
		return err
	}
	given, err := values(files, sets)
	if err != nil {
		return err
	}
	switch words[0] {
	case "template":
		return template(named[0], named[1], *namespace, given, *notes)
	case "lint":
		return check(named[0], *namespace, given)
	}
	return kustomize(named[0])
}

func main() {
	if err := do(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "charts:", err)
		os.Exit(1)
	}
}
