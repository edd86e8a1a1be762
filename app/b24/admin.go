package b24

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
)

// askOwner is the first command of a batch that is marked as [proven].
var askOwner = Command{Key: "owner", Method: "profile"}

// asking carries out commands that only read, in one request, and asks with them
// who the pair's user is. People whose pair was kept were administrators then: the
// pair of one who is none any more is rejected, and the next one is asked. The
// system user is none and keeps the pair. A request that fails rejects nobody.
//
// https://apidocs.bitrix24.com/api-reference/common/users/profile.html
func (c *Client) asking(ctx context.Context, commands []Command, opts ...Option) (Answers, error) {
	whole := Batch{Commands: append([]Command{askOwner}, commands...)}
	return c.Batch(ctx, whole, append(opts, Repeatable(), proven())...)
}

// askingAdmin is [Client.asking] an administrator. An error means that it is not
// certain that who was asked is one.
func (c *Client) askingAdmin(ctx context.Context, commands ...Command) (Answers, error) {
	answers, err := c.asking(ctx, commands, AsAdmin())
	if err != nil {
		return Answers{}, err
	}
	return answers, answers.Decode(askOwner.Key, nil)
}

// RejectEmployees rejects the pairs of people who are no administrators any more,
// until one is met who is: what may not be read with the rights of an employee would
// be taken for what is not there. It is no error that only the app's system user is
// left. One request, and one more for every pair that is rejected.
func (c *Client) RejectEmployees(ctx context.Context) error {
	_, err := c.askingAdmin(ctx)
	if denies(err) && !errors.Is(err, ErrNeedsAuth) {
		return nil
	}
	return err
}

// ofNoAdmin reports an answer that says that the pair's user is no
// administrator: a profile of who is not active arrives as an empty object or list.
func ofNoAdmin(got *answer) bool {
	var result batchResult
	if json.Unmarshal(got.Result, &result) != nil {
		return false
	}
	profile := bytes.TrimSpace(result.Results[askOwner.Key])
	if text := string(profile); text == "{}" || text == "[]" {
		return true
	}
	var user Map[json.RawMessage]
	if json.Unmarshal(orNull(profile), &user) != nil {
		return false
	}
	var admin *YN
	return json.Unmarshal(orNull(user["ADMIN"]), &admin) == nil && admin != nil && !bool(*admin)
}
