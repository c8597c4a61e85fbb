import { joinProblem } from "./problems.ts";
import { Room } from "./room.ts";
import { callInAddress, createCall, joinCall } from "./server-api.ts";
import { element, showInvitation, showPlace, showProblem } from "./view.ts";

const invitedTo = callInAddress(location.search);
let room: Room | undefined;

const join = async (name: string, withMicrophone: boolean): Promise<void> => {
  const buttons = document.querySelectorAll<HTMLButtonElement>("#lobby-form button");
  for (const button of buttons) button.disabled = true;
  showProblem(null);
  try {
    const invitation = invitedTo ? await joinCall(invitedTo, name) : await createCall(name);
    room = new Room(invitation);
    showInvitation(invitation.call);
    showPlace("room");
    await room.enter(withMicrophone);
  } catch (error) {
    room?.close();
    room = undefined;
    showPlace("lobby");
    showProblem(joinProblem(error));
  } finally {
    for (const button of buttons) button.disabled = false;
  }
};

if (invitedTo) {
  element("lobby-title", HTMLElement).textContent = "Join the call";
  element("lobby-explains", HTMLElement).textContent = "An agent may be in it already.";
}

element("lobby-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const withMicrophone = event.submitter?.id !== "join-typing";
  void join(element("name", HTMLInputElement).value.trim() || "Guest", withMicrophone);
});

element("composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const input = element("line", HTMLInputElement);
  const text = input.value.trim();
  // Enter works although the button is disabled.
  if (text === "" || element("send", HTMLButtonElement).disabled) return;
  input.value = "";
  void room?.say(text);
});

element("mute", HTMLButtonElement).addEventListener("click", () => void room?.toggleMicrophone());
element("leave", HTMLButtonElement).addEventListener("click", () => void room?.leave());
element("problem-dismiss", HTMLButtonElement).addEventListener("click", () => showProblem(null));
// A closed tab says goodbye as far as the browser lets it; the SFU notices the rest.
window.addEventListener("pagehide", () => void room?.leave());
