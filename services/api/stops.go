// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"errors"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// HoldView is a stop.
type HoldView struct {
	ID     string     `json:"id"`
	Scope  string     `json:"scope" doc:"all, network, channel, centre or tag"`
	Value  string     `json:"value,omitempty"`
	Reason string     `json:"reason"`
	By     Person     `json:"by"`
	At     *time.Time `json:"at"`
}

func (v viewer) hold(h palinsesto.Hold) HoldView {
	return HoldView{ID: h.ID, Scope: string(h.Scope), Value: h.Value, Reason: h.Reason, By: v.person(h.By), At: v.s.moment(h.At)}
}

// seesHold: a stop of another centre is that centre's business.
func seesHold(a palinsesto.Actor, h palinsesto.Hold) bool {
	own, everywhere, ok := a.Sees()
	return ok && (everywhere || h.Scope != palinsesto.ScopeCentre || h.Value == own)
}

type holdsOutput struct {
	Body struct {
		Items []HoldView `json:"items"`
	}
}

func (s *Service) listHolds(ctx context.Context, _ *struct{}) (*holdsOutput, error) {
	e, err := bus.Load(ctx, s.Bus, contract.Holds, contract.HoldSubject)
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return nil, err
	}
	a := actorOf(ctx)
	v, out := s.viewerFor(a, inEnglish(ctx)), &holdsOutput{}
	out.Body.Items = []HoldView{}
	for _, h := range e.State.Standing {
		if seesHold(a, h) {
			out.Body.Items = append(out.Body.Items, v.hold(h))
		}
	}
	return out, nil
}

type placeHoldInput struct {
	CommandHeaders
	Body struct {
		Scope  string `json:"scope" maxLength:"20" doc:"all, network, channel, centre or tag"`
		Value  string `json:"value,omitempty" maxLength:"100" doc:"Which; none for all"`
		Reason string `json:"reason" maxLength:"4000"`
	}
}

type placedOutput struct {
	Location string `header:"Location"`
	Body     struct {
		Hold     HoldView `json:"hold"`
		InFlight []string `json:"in_flight" doc:"Posts whose intent is older than the hold: their call may be under way"`
	}
}

func (s *Service) placeHold(ctx context.Context, in *placeHoldInput) (*placedOutput, error) {
	data, err := contract.EncodePlaceHold(palinsesto.PlaceHold{Command: in.command(ctx, "hold", "", in.Body),
		Scope: palinsesto.Scope(in.Body.Scope), Value: in.Body.Value, Reason: in.Body.Reason})
	stopped, err := s.stopped(ctx, "hold", data, err)
	if err != nil {
		return nil, err
	}
	out := &placedOutput{Location: "/api/v1/holds/" + stopped.Hold.ID}
	out.Body.Hold = s.viewerFor(actorOf(ctx), inEnglish(ctx)).hold(stopped.Hold)
	out.Body.InFlight = listed(stopped.InFlight)
	return out, nil
}

type liftHoldInput struct {
	IDInput
	ReasonQuery
}

type liftedOutput struct {
	Body struct {
		Hold HoldView `json:"hold"`
	}
}

func (s *Service) liftHold(ctx context.Context, in *liftHoldInput) (*liftedOutput, error) {
	data, err := contract.EncodeLiftHold(palinsesto.LiftHold{Command: in.command(ctx, "lift", in.ID, in.Reason), HoldID: in.ID, Reason: in.Reason})
	stopped, err := s.stopped(ctx, "lift", data, err)
	if err != nil {
		return nil, err
	}
	out := &liftedOutput{}
	out.Body.Hold = s.viewerFor(actorOf(ctx), inEnglish(ctx)).hold(stopped.Hold)
	return out, nil
}

func (s *Service) stopped(ctx context.Context, verb string, data []byte, err error) (palinsesto.Stopped, error) {
	if err != nil {
		return palinsesto.Stopped{}, err
	}
	raw, err := s.Bus.Request(ctx, "scheduling", verb, data)
	if err != nil {
		return palinsesto.Stopped{}, err
	}
	return contract.DecodeStopped(raw)
}

// ChannelView is a channel of the configuration and what the log knows of it.
type ChannelView struct {
	ID        string     `json:"id"`
	Network   string     `json:"network"`
	Target    string     `json:"target"`
	State     string     `json:"state" doc:"connected, paused or needs_reconnect"`
	Reason    string     `json:"reason,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty" doc:"The network said: no call before"`
	Spacing   string     `json:"spacing"`
	Centres   []string   `json:"centres" doc:"Empty: all"`
	Test      *TestView  `json:"test,omitempty" doc:"The newest test message"`
}

func (v viewer) channel(c config.Channel, x palinsesto.Channel) ChannelView {
	out := ChannelView{ID: c.ID, Network: c.Network, Target: c.Target, State: string(x.State), Reason: x.Reason,
		Spacing: c.Spacing.String(), Centres: listed(c.Centres), Test: v.test(x.Test)}
	if x.State == "" {
		out.State = string(palinsesto.ChannelConnected)
	}
	if x.NotBefore.After(v.s.Clock()) {
		out.NotBefore = v.s.moment(x.NotBefore)
	}
	return out
}

// seesChannel: a referente sees the channels that serve the own centre.
func (s *Service) seesChannel(a palinsesto.Actor, id string) bool {
	own, everywhere, ok := a.Sees()
	c, known := s.cfg.Channel(id)
	return ok && (everywhere || known && c.Serves(own))
}

type channelsOutput struct {
	Body struct {
		Items []ChannelView `json:"items"`
	}
}

func (s *Service) listChannels(ctx context.Context, _ *struct{}) (*channelsOutput, error) {
	subjects := make([]string, 0, len(s.cfg.Channels))
	for _, c := range s.cfg.Channels {
		subjects = append(subjects, contract.ChannelSubject(c.ID))
	}
	states := map[string]palinsesto.Channel{}
	if len(subjects) > 0 {
		records, err := s.Bus.Newest(ctx, 0, subjects...)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			e, err := bus.Decode(contract.Channels, r)
			if err != nil {
				return nil, err
			}
			states[e.State.ID] = e.State
		}
	}
	v, out := s.viewerFor(actorOf(ctx), inEnglish(ctx)), &channelsOutput{}
	out.Body.Items = []ChannelView{}
	for _, c := range s.cfg.Channels {
		if s.seesChannel(actorOf(ctx), c.ID) {
			out.Body.Items = append(out.Body.Items, v.channel(c, states[c.ID]))
		}
	}
	return out, nil
}

type channelOutput struct {
	Body ChannelView
}

func (s *Service) onChannel(ctx context.Context, room, verb string, in *reasonInput) (*channelOutput, error) {
	c, ok := s.cfg.Channel(in.ID)
	if !ok {
		return nil, notFound()
	}
	data, err := contract.EncodeSetChannel(palinsesto.SetChannel{Command: in.command(ctx, verb, in.ID, in.Body), Channel: in.ID, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	raw, err := s.Bus.Request(ctx, room, verb, data)
	if err != nil {
		return nil, err
	}
	reply, err := contract.DecodeChannelReply(raw)
	if err != nil {
		return nil, err
	}
	return &channelOutput{Body: s.viewerFor(actorOf(ctx), inEnglish(ctx)).channel(c, reply.Channel)}, nil
}

func (s *Service) pauseChannel(ctx context.Context, in *reasonInput) (*channelOutput, error) {
	return s.onChannel(ctx, "scheduling", "pause", in)
}

func (s *Service) resumeChannel(ctx context.Context, in *reasonInput) (*channelOutput, error) {
	return s.onChannel(ctx, "scheduling", "resume", in)
}

func (s *Service) channelReconnected(ctx context.Context, in *reasonInput) (*channelOutput, error) {
	return s.onChannel(ctx, "scheduling", "reconnected", in)
}

// checkChannel answers with the channel as it stands: the network had nothing against it.
func (s *Service) checkChannel(ctx context.Context, in *reasonInput) (*channelOutput, error) {
	out, err := s.onChannel(ctx, "publishing", "check", in)
	if err != nil {
		return nil, err
	}
	e, err := bus.Load(ctx, s.Bus, contract.Channels, contract.ChannelSubject(in.ID))
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return nil, err
	}
	c, _ := s.cfg.Channel(in.ID)
	out.Body = s.viewerFor(actorOf(ctx), inEnglish(ctx)).channel(c, e.State)
	return out, nil
}
