// What moderators do to what people write. A post that is held (`held_at`) has the visibility `held`, whatever its author
// chooses meanwhile (`held_visibility`): only the author sees it. A comment that is held counts as removed, and as told, so
// that no sweep publishes anything of it; approving it takes both back. Of a limited author (`limited_at`) others see nothing.
//
// The triggers look for filtered words wherever a text is stored, by whichever service.
let moderationScript: StaticString = """
    ALTER TABLE users ADD COLUMN limited_at timestamptz;
    CREATE INDEX users_limited ON users (user_id) WHERE limited_at IS NOT NULL;
    ALTER TABLE posts ADD COLUMN held_at timestamptz, ADD COLUMN held_visibility text,
        DROP CONSTRAINT posts_visibility_check,
        ADD CONSTRAINT posts_visibility_check CHECK (visibility IN ('public', 'followers', 'held')) NOT VALID;
    ALTER TABLE comments ADD COLUMN held_at timestamptz;
    CREATE TABLE reports (
        report_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reporter text NOT NULL REFERENCES users ON DELETE CASCADE,
        kind text NOT NULL CHECK (kind IN ('post', 'comment', 'user')),
        subject_id text NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 128),
        reason text NOT NULL CHECK (length(reason) <= 500),
        created_at timestamptz NOT NULL DEFAULT now(),
        closed_at timestamptz,
        UNIQUE (reporter, kind, subject_id)
    );
    CREATE INDEX reports_open ON reports (kind, subject_id, report_id) WHERE closed_at IS NULL;
    CREATE TABLE moderation_log (
        entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        moderator text NOT NULL,
        action text NOT NULL,
        kind text NOT NULL,
        subject_id text NOT NULL,
        reason text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE filtered_words (
        word text PRIMARY KEY,
        effect text NOT NULL CHECK (effect IN ('hold', 'refuse'))
    );
    CREATE FUNCTION word_effect(content text) RETURNS text LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM filtered_words) THEN RETURN NULL; END IF;
        -- 'refuse' is the larger of the two.
        RETURN (SELECT max(effect) FROM filtered_words
            WHERE word = ANY(tsvector_to_array(to_tsvector('simple', content))));
    END $$;
    CREATE FUNCTION moderate_post() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.content IS DISTINCT FROM OLD.content THEN
            CASE word_effect(NEW.content)
                WHEN 'refuse' THEN RAISE 'a filtered word' USING ERRCODE = 'check_violation';
                WHEN 'hold' THEN NEW.held_at := now();
                ELSE NULL;
            END CASE;
        END IF;
        IF NEW.held_at IS NOT NULL AND NEW.visibility <> 'held' THEN
            NEW.held_visibility := NEW.visibility;
            NEW.visibility := 'held';
        ELSIF NEW.held_at IS NULL AND NEW.visibility = 'held' THEN
            NEW.visibility := coalesce(NEW.held_visibility, 'followers');
            NEW.held_visibility := NULL;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER posts_moderated BEFORE INSERT OR UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION moderate_post();
    CREATE FUNCTION moderate_comment() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        effect text := word_effect(NEW.comment);
    BEGIN
        IF effect = 'refuse' OR (effect = 'hold' AND TG_OP = 'UPDATE') THEN
            RAISE 'a filtered word' USING ERRCODE = 'check_violation';
        END IF;
        IF TG_OP = 'INSERT' AND (effect = 'hold' OR EXISTS (
            SELECT 1 FROM users WHERE user_id = NEW.user_id AND limited_at IS NOT NULL))
        THEN
            NEW.held_at := now();
            NEW.removed_at := now();
            NEW.removed_by := 'held';
            NEW.removal_offset := 0;
            NEW.removal_epoch := 'held';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER comments_moderated BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION moderate_comment();
    CREATE TRIGGER comments_edited BEFORE UPDATE OF comment ON comments FOR EACH ROW
        WHEN (NEW.comment <> '' AND NEW.comment <> OLD.comment) EXECUTE FUNCTION moderate_comment();
    CREATE OR REPLACE FUNCTION may_see(viewer text, author text, visibility text) RETURNS boolean LANGUAGE sql STABLE
        RETURN coalesce(viewer = author, false) OR (
            (visibility = 'public' OR (visibility = 'followers' AND EXISTS (
                SELECT 1 FROM follows WHERE follower_id = viewer AND followee_id = author)))
            AND NOT are_apart(viewer, author)
            AND NOT EXISTS (
                SELECT 1 FROM users WHERE user_id = author
                    AND (erased_at IS NOT NULL OR limited_at IS NOT NULL OR suspended_until > now())));
    """
