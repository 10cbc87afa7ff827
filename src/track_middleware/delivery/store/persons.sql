-- person_choices: the last choice under a name (user:ID, visitor:ID)
SELECT subject, states, at FROM choice WHERE subject = ?;
