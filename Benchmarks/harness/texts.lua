-- Comments, as they stand between the quotes of JSON.
return {
   "First!", "That was amazing, thank you for the stream", "LOL", "who is watching this in 2026?",
   "Grüße aus Köln 👋", "Can you show the second part again? I missed how you did the corner.",
   "She said \\\"never again\\\", and here we are", "🔥🔥🔥",
   "I have been following this channel since the very beginning and it only gets better. The sound is much clearer now.",
}
