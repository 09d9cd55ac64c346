import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '@/api/keys';
import type { Study } from '@/api/types';
import { AppHeader } from '@/app/Header';
import { KeyHelp } from '@/app/Rail';
import { useSession } from '@/app/session';
import { toast } from '@/app/toast';
import { patientTitle } from '@/logic/names';
import { t } from '@/messages';
import { signState } from './model/sign';
import type { Place } from './ui/AddForm';
import { Findings } from './ui/Findings';
import { Ports } from './ui/Ports';
import { SeriesList } from './ui/SeriesList';
import { SignBar } from './ui/SignBar';
import { StudyHeader, useNextCase } from './ui/StudyHeader';
import { ImageToolbar } from './ui/Toolbar';
import { useClaim } from './useClaim';
import { useDeskKeys } from './useDeskKeys';
import { useImages, type Images } from './useImages';
import { useReview, type Review } from './useReview';

function fullScreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen().catch(() => undefined);
}

const unsavedOf = (review: Review): number => review.verdicts.drafts.pending.filter((one) => one.state === 'waiting').length;

/** The desk on which one study is read: pictures, findings, and the line that says what signing sends. */
export function ReadingDesk({ study, means }: { study: Study; means: { volumes: boolean } }) {
  const images = useImages(study, means);
  const review = useReview(study, images.desk);
  const next = useNextCase(study.study_uid);
  useClaim(study.study_uid, review.mayRead && study.signed === null);
  const [marksOn, setMarksOn] = useState(true);
  const [tab, setTab] = useState<'findings' | 'results'>('findings');
  const [wanted, setAdding] = useState<{ place: Place | null } | null>(null);
  const [asking, setAsking] = useState(false);
  const [why, setWhy] = useState(false);
  const [help, setHelp] = useState(false);
  const mayAdd = review.mayRead && !review.closed;
  const adding = mayAdd ? wanted : null;

  useDeskKeys(images, review, {
    marks: () => setMarksOn((on) => !on),
    add: () => setAdding((old) => (old ? null : { place: null })),
    close: () => {
      setAdding(null);
      return adding !== null;
    },
    sign: () => setAsking(review.preview !== null && signState(review.preview, unsavedOf(review), review.mayRead).kind === 'open'),
    why: () => setWhy((open) => !open),
    help: () => setHelp(true),
    full: fullScreen,
    next: next?.study_uid ?? null,
  });
  const pick = (port: string, x: number, y: number) => {
    const place = images.desk?.pick(port, x, y) ?? null;
    if (place) setAdding({ place });
  };

  return (
    <div className="app rd">
      <AppHeader>
        <StudyHeader study={study} next={next} why={why} onWhy={setWhy} />
      </AppHeader>
      <Tools study={study} images={images} review={review} onHelp={() => setHelp(true)} />
      <main className="desk" aria-label={t('study.title')}>
        <SeriesList study={study} hanging={images.hanging} onShow={images.show} onResults={() => setTab('results')} />
        <Ports
          // Late images make a new version: its pictures are built from all that is here.
          key={`${study.version} ${study.complete_at ?? ''}`}
          study={study}
          hanging={images.hanging}
          invertPet={images.invertPet}
          linked={images.linked}
          marked={review.marked}
          selected={review.selected}
          activeId={images.activeId}
          picking={adding !== null}
          marksOn={marksOn}
          volumes={means.volumes}
          onDesk={images.setDesk}
          onViews={images.setViews}
          onActive={images.setActive}
          onJump={review.jump}
          onPick={pick}
          onNext={review.step}
        />
        <Findings
          study={study}
          review={review}
          marksOn={marksOn}
          tab={tab}
          adding={adding}
          imageOf={images.imageOf}
          onTab={setTab}
          onMarks={setMarksOn}
          onAdd={(on) => setAdding(on ? { place: null } : null)}
          onAdded={(finding) => {
            setAdding(null);
            review.select(finding.id);
            review.refresh();
          }}
        />
      </main>
      <Signing study={study} review={review} asking={asking} onAsk={setAsking} onDone={() => setTab('results')} />
      {help ? <KeyHelp onClose={() => setHelp(false)} /> : null}
    </div>
  );
}

function Tools({ study, images, review, onHelp }: { study: Study; images: Images; review: Review; onHelp: () => void }) {
  return (
    <ImageToolbar
      tool={images.tool}
      presets={images.presets}
      preset={images.preset}
      range={images.range}
      layouts={images.layouts}
      layout={images.hanging?.layout ?? null}
      linked={images.linked}
      invertPet={images.invertPet}
      hasPet={study.series.some((one) => one.modality === 'PT')}
      unmeasured={images.unmeasured}
      mayUndo={!review.closed}
      onTool={images.choose}
      onRange={images.setRange}
      onLayout={images.setLayout}
      onLinked={images.setLinked}
      onInvert={images.setInvert}
      onUndo={() => void review.undo()}
      onReset={() => images.desk?.reset()}
      onFull={fullScreen}
      onKeys={onHelp}
    />
  );
}

function Signing({ study, review, asking, onAsk, onDone }: { study: Study; review: Review; asking: boolean; onAsk: (asking: boolean) => void; onDone: () => void }) {
  const client = useQueryClient();
  const { user } = useSession();
  const findings = review.findings ?? [];
  return (
    <SignBar
      study={study.study_uid}
      patient={patientTitle(study.patient)}
      reader={user.display || user.name}
      findings={findings}
      preview={review.preview}
      failed={review.previewFailed}
      unsaved={unsavedOf(review)}
      mayRead={review.mayRead}
      asking={asking && !review.closed}
      onAsk={onAsk}
      onSigned={() => {
        onAsk(false);
        onDone();
        toast(t('study.sign.done'));
        review.refresh();
        void client.invalidateQueries({ queryKey: keys.worklist });
      }}
      onChanged={review.refresh}
      onSelect={review.select}
    />
  );
}
