// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

const (
	maxBytes = 1 << 20
	// maxDepth is the document, its mapping and three levels more than the
	// deepest key of ours.
	maxDepth = 10
)

// Load reads the file at path. A wrong file gives an Errors.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configurazione: il file non si apre, controllare --config (cannot open the configuration): %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("configurazione: il file non si legge (cannot read the configuration): %w", err)
	}
	return Parse(data, path)
}

// Parse reads a configuration from memory. The name's last element stands in
// the errors, and its folder is where a relative token_file starts. A wrong
// file gives an Errors.
func Parse(data []byte, name string) (*Config, error) {
	r := &reader{file: filepath.Base(name), dir: filepath.Dir(name)}
	c := r.config(r.document(data))
	if len(r.errs) > 0 {
		return nil, r.errs.inOrder(r.leftOut)
	}
	return &c, nil
}

// document turns the bytes into the top node, or nil when there is none to read.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxBytes {
		r.failAt(1, 1, "", faultf("il file supera 1 MiB: non è una configurazione di Palinsesto",
			"the file is larger than 1 MiB: it is no configuration of Palinsesto"))
		return nil
	}
	if !r.readable(data) {
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		r.unreadable(err, data)
		return nil
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		r.fail(&second, "", faultf("il file contiene più di un documento YAML: togliere il separatore «---» e ciò che segue",
			"the file holds more than one YAML document: remove the «---» and what follows"))
	case !errors.Is(err, io.EOF):
		r.unreadable(err, data)
	}
	r.guard(&doc, 0)
	return doc.Content[0]
}

var noAliases = faultf("àncore e alias YAML (& e *) non sono ammessi: scrivere il valore per esteso, o fra virgolette se comincia con * o &",
	"YAML anchors and aliases (& and *) are not allowed: write the value out, or quote it if it starts with * or &")

// guard refuses what a plain configuration never needs and an attacker does:
// aliases (which expand exponentially) and deep nesting.
func (r *reader) guard(n *yaml.Node, depth int) {
	if depth > maxDepth {
		r.fail(n, "", faultf("troppi livelli annidati", "nested too deeply"))
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.fail(n, "", noAliases)
	}
	for _, child := range n.Content {
		r.guard(child, depth+1)
	}
}
