package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"vault-plugin-secrets-itwin/internal/auditlog"
	"vault-plugin-secrets-itwin/internal/auditlog/inquiry"
	"vault-plugin-secrets-itwin/internal/auditlog/render"
	"vault-plugin-secrets-itwin/internal/auditlog/words"
)

// answer reads the logs and writes the answer. It reports whether anything was found.
func (o options) answer(ctx context.Context, t terminal) (bool, error) {
	question, err := o.question(ctx, t)
	if err != nil {
		return false, err
	}
	scanner := auditlog.NewScanner(auditlog.NewMounts(o.scope.Mounts...))
	if err := o.scan(ctx, t, scanner, question); err != nil {
		return false, err
	}
	answer := question.Answer(scanner.Stats())
	if log := answer.Log; log.Damaged > 0 {
		t.say("itwin-audit: skipped %s of %d\n", words.Count(log.Damaged, "damaged line"), log.Lines)
	}
	if n := answer.Log.Unreadable; n > 0 {
		t.say("itwin-audit: the answer is missing %s\n", words.Count(n, "unreadable line"))
	}
	if o.format == "csv" { // it has no place for notes
		for _, note := range answer.Notes {
			t.say("itwin-audit: %s\n", render.Visible(note))
		}
	}
	err = o.write(t, answer)
	if err == nil && answer.Incomplete && !answer.Found {
		err = errIncomplete
	}
	return answer.Found, err
}

// errIncomplete is an error, because "nothing was found" would read like an answer.
var errIncomplete = errors.New("nothing was found, but part of the log could not be read or followed; see the notes in the answer")

func (o options) question(ctx context.Context, t terminal) (inquiry.Question, error) {
	switch o.command {
	case "readers":
		ids, err := o.tokenIDs(ctx, t)
		if err != nil {
			return nil, err
		}
		return inquiry.NewReaders(o.scope, ids...), nil
	case "tokens":
		return inquiry.NewTokens(o.scope, o.reader), nil
	default:
		return inquiry.NewSummary(o.scope), nil
	}
}

// scan reads the files one after the other, or standard input.
func (o options) scan(ctx context.Context, t terminal, scanner *auditlog.Scanner, question inquiry.Question) error {
	files := o.files
	if len(files) == 0 {
		files = []string{"-"}
	}
	progress := newProgress(t, len(files))
	defer progress.end()
	for _, file := range files {
		if err := scanFile(ctx, file, t, progress, scanner, question); err != nil {
			return err
		}
	}
	return nil
}

func scanFile(
	ctx context.Context, name string, t terminal, progress *progress, scanner *auditlog.Scanner, question inquiry.Question,
) error {
	log := t.in
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // it is only read
		log = file
	}
	if err := scanner.Scan(progress.watch(ctx, log), question.Add); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// write renders the whole answer before it touches the file, so that a failure leaves an
// existing file unchanged.
func (o options) write(t terminal, answer inquiry.Answer) error {
	var text bytes.Buffer
	if err := render.Write(&text, o.format, answer); err != nil {
		return fmt.Errorf("rendering: %w", err)
	}
	if o.output == "" {
		_, err := io.Copy(t.out, &text)
		return err
	}
	if err := replace(o.output, text.Bytes()); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}
