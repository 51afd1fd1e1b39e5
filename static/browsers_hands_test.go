package static_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// keys are those of WebDriver that are no characters.
var keys = map[string]string{
	"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Delete": "\ue017", "Home": "\ue011", "End": "\ue010", "F2": "\ue032",
	"ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015",
}

// modifiers are what a MouseEvent or a KeyboardEvent has of the keys that are held.
var modifiers = map[string]string{"shiftKey": "\ue008", "ctrlKey": "\ue009"}

func held(how string) (held []string) {
	for name, key := range modifiers {
		if strings.Contains(how, name+": true") {
			held = append(held, key)
		}
	}
	return held
}

// aim finds where a person would click: on what is there, in sight, enabled, at rest and not covered.
const aim = `(async (selector) => {
	const none = (why) => ({ Why: why });
	const e = document.querySelector(selector);
	if (!e) return none('it is not there');
	e.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
	const place = () => { const { x, y, width, height } = e.getBoundingClientRect(); return [x, y, width, height].join(); };
	const before = place();
	for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame);
	if (place() !== before) return none('it moves');
	const box = e.getBoundingClientRect();
	if (!box.width || !box.height) return none('it has no size');
	if (e.disabled) return none('it is disabled');
	const [X, Y] = [Math.floor(box.x + box.width / 2), Math.floor(box.y + box.height / 2)];
	const top = document.elementFromPoint(X, Y);
	if (!e.contains(top)) return none('it is covered by ' + (top?.outerHTML ?? 'nothing').slice(0, 150));
	return { X, Y };
})(%q)`

// click moves the browser's mouse and presses its button.
func (w *drivenWindow) click(ctx context.Context, selector, how string) (why string, err error) {
	raw, err := w.evaluate(ctx, fmt.Sprintf(aim, selector))
	if err != nil {
		return "", err
	}
	var at struct {
		Why  string
		X, Y int
	}
	if err := json.Unmarshal(raw, &at); err != nil || at.Why != "" {
		return at.Why, err
	}
	mouse := []action{{"type": "pointerMove", "x": at.X, "y": at.Y, "duration": 0}, mouseDown, mouseUp}
	if strings.Contains(how, "dblclick") {
		mouse = append(mouse, mouseDown, mouseUp)
	}
	var board []action
	for _, key := range held(how) {
		board = append(board, action{"type": "keyDown", "value": key})
		mouse = append([]action{pause}, mouse...)
	}
	for len(board) > 0 && len(board) < len(mouse) {
		board = append(board, pause)
	}
	for _, key := range held(how) {
		board = append(board, action{"type": "keyUp", "value": key})
	}
	return "", w.perform(ctx, board, mouse)
}

func (w *drivenWindow) mouse(ctx context.Context, down bool, x, y int) error {
	does := mouseUp
	if down {
		does = mouseDown
	}
	return w.perform(ctx, nil, []action{{"type": "pointerMove", "x": x, "y": y, "duration": 0}, does})
}

// key presses a key of the browser's board.
func (w *drivenWindow) key(ctx context.Context, key, how string) error {
	value, special := keys[key]
	if !special {
		value = key
	}
	var down, up []action
	for _, k := range append(held(how), value) {
		down = append(down, action{"type": "keyDown", "value": k})
		up = append([]action{{"type": "keyUp", "value": k}}, up...)
	}
	return w.perform(ctx, append(down, up...), nil)
}

// An action is what one device does in one moment.
type action map[string]any

var (
	pause     = action{"type": "pause", "duration": 0}
	mouseDown = action{"type": "pointerDown", "button": 0}
	mouseUp   = action{"type": "pointerUp", "button": 0}
)

func (w *drivenWindow) perform(ctx context.Context, board, mouse []action) error {
	var devices []map[string]any
	if len(board) > 0 {
		devices = append(devices, map[string]any{"type": "key", "id": "board", "actions": board})
	}
	if len(mouse) > 0 {
		devices = append(devices, map[string]any{
			"type": "pointer", "id": "mouse", "parameters": map[string]any{"pointerType": "mouse"}, "actions": mouse,
		})
	}
	_, err := w.do(ctx, "PerformActions", map[string]any{"actions": devices})
	return err
}
