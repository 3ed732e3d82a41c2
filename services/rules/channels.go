// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// channels resolves what was asked for, each channel once.
func (k *checker) channels() []string {
	var ids, wanted []string
	for i, name := range k.c.WantedChannels {
		field := fmt.Sprintf("wanted_channels[%d]", i)
		k.tidyField(field, &name, false)
		if slices.Contains(wanted, name) {
			k.fix(codeChannel, field, fmt.Sprintf("«%s» c'era due volte: ne resta una.", short(name)), fmt.Sprintf("%q was there twice: one stays.", short(name)))
			continue
		}
		wanted = append(wanted, name)
		for _, id := range k.resolve(field, name) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(wanted) == 0 {
		k.refuse(codeChannel, "wanted_channels", "Manca dove pubblicare. Indicare almeno una rete o un canale, per esempio «telegram».",
			"Where to publish is missing. Give at least one network or channel, such as \"telegram\".")
	}
	k.c.WantedChannels = wanted
	return ids
}

func (k *checker) resolve(field, name string) []string {
	if !palinsesto.ValidName(name) || k.w.Channels == nil {
		k.unknown(field, name)
		return nil
	}
	ids, knownNetwork, knownChannel := k.w.Channels(k.centre, name)
	_, ours := network.For(name)
	switch {
	case knownChannel && len(ids) == 0:
		k.refuse(codeChannel, field, fmt.Sprintf("Il canale «%s» non serve questo centro. Sceglierne un altro, o indicare la rete.", name),
			fmt.Sprintf("The channel %q does not serve this centre. Choose another, or give the network.", name))
	case knownChannel:
		k.ask(field, ids)
	case !knownNetwork && !ours:
		k.unknown(field, name)
		return nil
	case len(ids) == 0:
		k.note(codeAbsent, field, fmt.Sprintf("La rete %s è prevista ma qui non ha ancora un canale per questo centro: per ora si salta.", name),
			fmt.Sprintf("The network %s is known but has no channel for this centre here yet: it is skipped for now.", name))
		k.askNetwork(field, name)
	default:
		k.askNetwork(field, name)
	}
	return ids
}

func (k *checker) unknown(field, name string) {
	k.refuse(codeChannel, field, fmt.Sprintf("«%s» non è né una rete né un canale. Reti: %s.", short(name), strings.Join(network.Names(), ", ")),
		fmt.Sprintf("%q is neither a network nor a channel. Networks: %s.", short(name), strings.Join(network.Names(), ", ")))
}

func (k *checker) ask(field string, ids []string) {
	for _, id := range ids {
		if k.w.Network != nil {
			k.askNetwork(field, k.w.Network(id))
		}
	}
}

func (k *checker) askNetwork(field, name string) {
	if slices.ContainsFunc(k.asked, func(a asked) bool { return a.network == name }) {
		return
	}
	if _, ok := network.For(name); ok {
		k.asked = append(k.asked, asked{name, field})
	}
}

// lengths renders for each network that was asked for and tells what it would refuse. What a person can
// mend while reviewing (a length) is a mark; media that are not there, they cannot make.
func (k *checker) lengths() {
	c := *k.c
	if network.Count(network.Runes, c.Body) > maxBody {
		c.Body = "" // told already: to measure it eight times over would only cost
	}
	for _, a := range k.asked {
		v := Render(a.network, palinsesto.Segnalazione{Centre: k.centre, Content: c}, Options{Location: k.w.Location})
		told := map[string]bool{}
		for _, p := range network.Check(a.network, v) {
			if told[p.Code] {
				continue // once per network: the second part has the same trouble
			}
			told[p.Code] = true
			k.demand(a, p)
		}
	}
}

func (k *checker) demand(a asked, p palinsesto.Problem) {
	p.Field = a.field
	switch {
	case p.Code == codeVideo && k.c.Kind == palinsesto.KindDiretta:
		// The video of a live broadcast is the broadcast: there is none to upload before.
		p.Level = palinsesto.LevelMark
		p.Text = "La diretta si apre da YouTube Studio: qui non c'è un video da caricare. La redazione prepara il post a mano."
		p.TextEN = "A live broadcast is opened in YouTube Studio: there is no video to upload here. The newsroom prepares the post by hand."
	case p.Code == codeVideo || p.Code == codeImageOrVideo:
		p.Field = "media"
	case strings.HasPrefix(p.Code, "L-"):
		p.Level = palinsesto.LevelMark
		p.Field = "body"
	default:
		return // sizes and formats: the house makes of each file what the network takes, before approval
	}
	k.list = append(k.list, p)
}
