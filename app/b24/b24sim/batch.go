package b24sim

import (
	"strings"
	"time"
)

const batchLimit = 50

// A command is one line of a batch.
type command struct {
	key, method, query string
}

// commandsOf reads cmd in its order; each is "method?query".
func commandsOf(params *array) []command {
	cmd, _ := params.get("cmd")
	lines, _ := cmd.(*array)
	if lines == nil {
		return nil
	}
	var all []command
	for _, key := range lines.keys {
		name, query, _ := strings.Cut(text(lines.values[key]), "?")
		name, _ = splitMethod(strings.TrimPrefix(name, "/"))
		all = append(all, command{key, name, query})
	}
	return all
}

// batchResults are the maps of a batch answer, each [] when empty.
type batchResults struct {
	result, errors, total, next, time *array
}

// runBatch executes the commands in order. The HTTP status is 200 even if all
// of them fail (bitrix24-platform.md, 3.5).
func (c *call) runBatch(x *exchange, started time.Time) answer {
	if err := c.p.sim.refusalFor(c.p.config.Name, "batch"); err != nil {
		return refused(err)
	}
	done := batchResults{obj(), obj(), obj(), obj(), obj()}
	halt := truthy(x.params, "halt")
	for i, line := range x.commands {
		err := c.runCommand(line, i, started, &done)
		if err != nil && halt {
			break
		}
	}
	return answered(obj(
		"result", obj(
			"result", done.result, "result_error", done.errors, "result_total", done.total,
			"result_next", done.next, "result_time", done.time,
		),
		"time", c.p.timeBlock("batch", started),
	))
}

func (c *call) runCommand(line command, index int, started time.Time, done *batchResults) error {
	result, err := c.commandResult(line, index, done)
	if err != nil {
		done.errors.set(line.key, asRefusal(err).body())
		return err
	}
	if list, isPage := result.(*page); isPage {
		done.total.set(line.key, list.total)
		if list.next > 0 {
			done.next.set(line.key, list.next)
		}
		result = list.rows
	}
	done.result.set(line.key, result)
	done.time.set(line.key, c.p.timeBlock(line.method, started))
	return nil
}

func (c *call) commandResult(line command, index int, done *batchResults) (any, error) {
	switch {
	case index >= batchLimit:
		return nil, errBatchLength
	case line.method == "batch":
		return nil, errBatchMethod
	}
	params, _ := done.resolve(parseForm(line.query)).(*array)
	inner := &call{p: c.p, user: c.user, token: c.token, params: params, batch: true}
	return inner.execute(line.method)
}

// truthy is PHP's idea of it: the text "false" is true.
func truthy(params *array, name string) bool {
	v, _ := params.get(name)
	switch v := v.(type) {
	case bool:
		return v
	case *array:
		return v.len() > 0
	}
	s := text(v)
	return s != "" && s != "0"
}
